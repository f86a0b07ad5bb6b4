/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The port is tested by a byte that comes back to it. EDK2's terminal driver reads the port at each of its timer's
 * ticks (TerminalConInTimerHandler, 20 ms) and would take it, so there are no ticks meanwhile (UEFI specification
 * 2.10, 7.1).
 */
#include "drivers/efi/serial.h"

#include "drivers/efi/firmware.h"
#include "drivers/serial.h"

enum status efi_serial_init(uint32_t port_index, uint32_t baud)
{
	const EFI_TPL before = firmware.boot->RaiseTPL(TPL_HIGH_LEVEL);
	const enum status status = serial_init(port_index, baud);

	firmware.boot->RestoreTPL(before);
	return status;
}
