/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TSC calibrated against the firmware's delay (UEFI specification 2.10, 7.5.4): a PIT may be absent.
 */
#include "drivers/efi/timer.h"

#include "drivers/efi/firmware.h"
#include "drivers/timer.h"
#include "lib/log.h"

#define CALIBRATION_US     500u
#define CALIBRATION_ROUNDS 6

static uint64_t began_us;

void timer_init(void)
{
	uint64_t fewest = UINT64_MAX;

	/* A delay is never shorter than it should be; an interruption makes it longer. */
	for (unsigned i = 0; i < CALIBRATION_ROUNDS; i++) {
		const uint64_t start = timer_read_tsc();

		if (firmware.boot->Stall(CALIBRATION_US) != EFI_SUCCESS) {
			log_line("timer: the firmware has no delay; the TSC is taken for 5 GHz");
			return;
		}
		fewest = min_u64(fewest, timer_read_tsc() - start);
	}
	timer_set_frequency(fewest / CALIBRATION_US);
	began_us = timer_now_us() - CALIBRATION_ROUNDS * CALIBRATION_US;
}

uint64_t efi_timer_began_us(void)
{
	return began_us;
}
