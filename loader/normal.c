/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Booting the normal kernel, whatever happened before.
 */
#include "loader/normal.h"

#include "drivers/reset.h"
#include "lib/log.h"
#include "loader/console.h"
#include "loader/disks.h"
#include "loader/kernel_files.h"
#include "loader/linux.h"

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

/* The kernel's command line will say noresume; the image stays as it is. */
void normal_forbid_resume(const struct found_image *found, struct arena *arena)
{
	(void)found;
	(void)arena;
}

/* From the disks, as the options say. */
static enum status prepare_by_path(const struct normal_boot *normal, struct handoff_linux **sealed_out,
				   const char **reason_out)
{
	struct linux_files files;

	*reason_out = "thaw.kernel= or thaw.initrd= was not understood";
	if (normal->options->file_refused)
		return STATUS_INVALID;
	TRY(kernel_files_read(normal->registry, normal->options, normal->boot, &normal->memory->arena, &files,
			      reason_out));
	*reason_out = "the kernel that thaw.kernel= names can't be started";
	return linux_prepare(normal->boot, &files, &normal->memory->reserve, normal->reason, sealed_out);
}

static enum status prepare_module(const struct normal_boot *normal, struct handoff_linux **sealed_out)
{
	struct linux_files files;

	TRY(linux_files_of_modules(normal->boot, &files));
	return linux_prepare(normal->boot, &files, &normal->memory->reserve, normal->reason, sealed_out);
}

/* Why the kernel does not start: the paths, if there were any, are what the user has to look at. */
static const char *explain(enum status module_status, const char *path_reason)
{
	if (*path_reason)
		return path_reason;
	return module_status == STATUS_NOT_FOUND ? "there is neither thaw.kernel= nor a boot module for it"
						 : status_text(module_status);
}

void boot_normal(const struct normal_boot *normal)
{
	const bool by_path = options_name_kernel(normal->options);
	struct handoff_linux *sealed;
	const char *reason = "";
	enum status status = STATUS_NOT_FOUND;

	log_line("boot: %s", normal->reason);
	if (by_path) {
		status = prepare_by_path(normal, &sealed, &reason);
		if (status != STATUS_OK)
			log_line("no kernel from disk: %s (%s)", reason, status_text(status));
	}
	disks_quiesce_all(normal->registry);
	disks_restore_bus_masters();
	if (status != STATUS_OK)
		status = prepare_module(normal, &sealed);
	if (status != STATUS_OK)
		stop_with_screen("the normal kernel can't be started", explain(status, reason));
	handoff_linux_jump(sealed);
}
