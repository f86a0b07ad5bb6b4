/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Booting the normal kernel, whatever happened before.
 */
#include "loader/normal.h"

#include "drivers/reset.h"
#include "lib/log.h"
#include "loader/console.h"
#include "loader/disks.h"
#include "loader/linux.h"

#define KEY_WAIT_US (10 * 60 * (uint64_t)1000000)

void stop_with_screen(const char *first_line, const char *second_line)
{
	console_speak_up();
	log_line("%s", first_line);
	log_line("%s", second_line);
	log_line("press a key to restart the computer");
	console_wait_key(KEY_WAIT_US);
	machine_reset();
}

void boot_normal(const struct boot_info *boot, struct block_registry *registry, struct arena *reserve,
		 const char *reason)
{
	struct handoff_linux *sealed;
	enum status status;

	log_line("boot: %s", reason);
	disks_quiesce_all(registry);
	disks_restore_bus_masters();
	status = linux_prepare(boot, reserve, reason, &sealed);
	if (status != STATUS_OK)
		stop_with_screen(status_text(status), "the normal kernel can't be started");
	handoff_linux_jump(sealed);
}
