/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of the normal kernel's command line: what stands behind a lone "--" on Thaw's own; if that names no
 * device, also what systemd noted of the image.
 */
#include "drivers/efi/variables.h"
#include "lib/format.h"
#include "lib/log.h"
#include "loader/efi/location.h"
#include "loader/linux.h"
#include "loader/options.h"

#define JSON_BYTES 1024

static bool names_device(const char *line)
{
	struct resume_spec spec;
	bool noresume;

	options_parse_kernel(line, &spec, &noresume);
	return spec.kind != RESUME_ANY || spec.device_refused;
}

const char *linux_command_line_find(const struct boot_info *info, bool by_path)
{
	static char line[EFI_LOCATION_LINE_BYTES + BOOT_COMMAND_LINE_BYTES];
	static char json[JSON_BYTES];
	const char *words = options_kernel_command_line(info->command_line);
	char location[EFI_LOCATION_LINE_BYTES] = "";

	(void)by_path;
	if (!names_device(words) && efi_variables_read_location(json, sizeof(json)) == STATUS_OK) {
		if (efi_location_parse(json, location) == STATUS_OK)
			log_line("HibernateLocation: %s", location);
		else
			log_line("HibernateLocation is not understood");
	}
	format_text(line, sizeof(line), "%s %s", location, words);
	return line;
}
