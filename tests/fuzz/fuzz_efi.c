/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a firmware, or whoever wrote its variables, says: load options, systemd's note, the memory map. */
#include "boot/efi/options.h"
#include "drivers/efi/firmware.h"
#include "drivers/efi/memory_map.h"
#include "loader/efi/location.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void firmware_save_cpu(void)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct efi_memory_map map = {span_of(data, size), sizeof(EFI_MEMORY_DESCRIPTOR) + size % 3 * 8, 0};
	static struct memory_map converted;
	char text[256], line[EFI_LOCATION_LINE_BYTES];

	ignore_status(efi_memory_map_convert(&map, size % 2 ? EFI_MEMORY_GRUB : EFI_MEMORY_STUB, &converted));
	ignore_status(efi_options_decode(data, size & ~(size_t)1, text, sizeof(text) - size % 7));
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i < size && i < sizeof(text) - 1 ? data[i] : 0);
	ignore_status(efi_location_parse(text, line));
	efi_options_join_lines(text);
	return 0;
}
