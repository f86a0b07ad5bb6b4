/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACPI tables: the RSDP and everything it leads to lie in one mapped page, as a firmware would have them. */
#include <sys/mman.h>

#include "drivers/acpi.h"
#include "lib/string.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const struct memory_map map = {.count = 1, .ranges = {{0x70000000, 0x70001000, MEMORY_ACPI_NVS}}};
	uint8_t *page = mmap((void *)0x70000000, PAGE_BYTES, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	struct acpi_registers registers;

	memcpy(page, bytes, size < PAGE_BYTES ? size : PAGE_BYTES);
	return acpi_read(&map, page, 36, &registers) == STATUS_OK && registers.pm1a_event.bytes == 1;
}
