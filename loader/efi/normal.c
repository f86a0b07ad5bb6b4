/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The normal boot is that of whoever started Thaw, who goes on when the application returns; or of another application,
 * when Thaw is the firmware's own boot entry.
 */
#include "loader/normal.h"

#include "drivers/efi/application.h"
#include "drivers/efi/firmware.h"
#include "drivers/efi/pages.h"
#include "drivers/efi/timer.h"
#include "drivers/efi/variables.h"
#include "drivers/reset.h"
#include "drivers/timer.h"
#include "lib/format.h"
#include "lib/log.h"
#include "loader/console.h"
#include "loader/disks.h"

#define KEY_WAIT_US (10 * 60 * (uint64_t)1000000)

void stop_with_screen(const char *first_line, const char *second_line)
{
	console_speak_up();
	log_line("%s", first_line);
	log_line("%s", second_line);
	console_drop_keys();
	log_line("press Enter to restart the computer");
	console_wait_key(KEY_WAIT_US);
	machine_reset();
}

static void leave_status(const char *reason)
{
	char text[64];

	format_text(text, sizeof(text), "status=%s\n", reason);
	efi_variables_set_status(text);
	efi_variables_set_times(efi_timer_began_us(), timer_now_us());
}

/* The machine is the firmware's as it was; then its next boot entry, GRUB's menu, or the application of thaw.next=. */
void boot_normal(const struct normal_boot *normal)
{
	EFI_STATUS status = EFI_SUCCESS;

	log_line("boot: %s", normal->reason);
	disks_quiesce_all(normal->registry);
	leave_status(normal->reason);
	firmware_restore_cpu();
	efi_pages_free_all();
	if (normal->options->next[0]) {
		status = efi_application_start(normal->options->next);
		if (status != EFI_SUCCESS)
			log_line("%s does not start: %lx", normal->options->next, status);
	}
	(void)firmware.boot->Exit(firmware.image, status, 0, NULL);
	machine_reset();
}
