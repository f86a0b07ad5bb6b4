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
#include "lib/string.h"
#include "loader/console.h"
#include "loader/disks.h"
#include "loader/mark.h"

#define KEY_WAIT_US (10 * 60 * (uint64_t)1000000)
#define MARK_TRIES  3

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

/* GRUB goes on with a command line of its own, and Linux would resume what it finds. */
void normal_forbid_resume(const struct found_image *found, struct arena *arena)
{
	enum mark_state state = MARK_UNCHANGED;
	void *scratch;

	for (uint32_t i = 0; i < MARK_TRIES && state == MARK_UNCHANGED; i++) {
		const size_t mark = arena_mark(arena);

		if (arena_alloc(arena, 2 * sizeof(struct page), PAGE_BYTES, &scratch) == STATUS_OK)
			state = mark_image_used(found, NULL, scratch);
		arena_rewind(arena, mark);
	}
	if (state != MARK_USED)
		stop_with_screen("the image could not be discarded, and resuming it would corrupt a filesystem",
				 "start the normal kernel with noresume: in GRUB's menu, e, at the end of its line");
	log_line("%s: marked used, lest Linux resume it", found->name);
	efi_variables_delete_location();
}

static void leave_status(const char *reason)
{
	char text[64];

	format_text(text, sizeof(text), "status=%s\n", reason);
	efi_variables_set_status(text);
	/* It would name an image that is not there any more. */
	if (strcmp(reason, "fresh") == 0)
		efi_variables_delete_location();
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
