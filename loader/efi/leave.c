/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leaving the firmware: the end of its boot services, then quiet on the bus, then the CPU as an image expects it.
 */
#include "loader/leave.h"

#include "drivers/efi/leave.h"
#include "drivers/efi/timer.h"
#include "drivers/efi/variables.h"
#include "drivers/pci.h"
#include "drivers/timer.h"
#include "include/cpu.h"
#include "lib/format.h"

#define PCI_COMMAND            0x04
#define PCI_COMMAND_BUS_MASTER BIT(2)
#define PCI_CLASS_DISPLAY      0x03
#define PCI_CLASS_BRIDGE       0x06

/* The variables outlive the jump. */
void leave_note(const struct mark_result *result)
{
	char text[96];

	format_text(text, sizeof(text), "status=resumed\npages=%lu\nms=%lu\n", result->pages, result->milliseconds);
	efi_variables_set_status(text);
	efi_variables_set_times(efi_timer_began_us(), timer_now_us());
}

/* The firmware's drivers stopped their devices if they are well made. */
static enum status silence(void *context, const struct pci_function *function)
{
	(void)context;
	if (function->class_code != PCI_CLASS_BRIDGE && function->class_code != PCI_CLASS_DISPLAY &&
	    (pci_read16(function, PCI_COMMAND) & PCI_COMMAND_BUS_MASTER))
		(void)pci_bus_master_disable(function);
	return STATUS_OK;
}

/* As boot/entry.asm has them; firmware may leave NX and write protection off, and control-flow enforcement on. */
static void set_control_registers(void)
{
	cpu_write_cr4((cpu_read_cr4() & ~CR4_CET) | CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT);
	cpu_write_cr0((cpu_read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE | CR0_WP);
	cpu_write_msr(MSR_EFER, cpu_read_msr(MSR_EFER) | EFER_NXE);
}

enum status leave_machine(struct block_registry *registry)
{
	(void)registry;
	/* The image that it names is used up; should the power fail before this, a name without an image is left. */
	efi_variables_delete_location();
	TRY(efi_exit_boot_services());
	cpu_disable_interrupts();
	ignore_status(pci_scan(silence, NULL));
	set_control_registers();
	efi_segments_load();
	return STATUS_OK;
}
