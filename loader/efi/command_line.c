/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of the normal kernel's command line: what stands behind a lone "--" on Thaw's own, and before it what
 * systemd noted of the image, so that the former wins.
 */
#include "drivers/efi/variables.h"
#include "lib/format.h"
#include "lib/log.h"
#include "loader/efi/location.h"
#include "loader/linux.h"
#include "loader/options.h"

#define JSON_BYTES 1024

const char *linux_command_line_find(const struct boot_info *info, bool by_path)
{
	static char line[EFI_LOCATION_LINE_BYTES + BOOT_COMMAND_LINE_BYTES];
	static char json[JSON_BYTES];
	char location[EFI_LOCATION_LINE_BYTES] = "";

	(void)by_path;
	if (efi_variables_read_location(json, sizeof(json)) == STATUS_OK) {
		if (efi_location_parse(json, location) == STATUS_OK)
			log_line("HibernateLocation: %s", location);
		else
			log_line("HibernateLocation is not understood");
	}
	format_text(line, sizeof(line), "%s %s", location, options_kernel_command_line(info->command_line));
	return line;
}
