/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host command's readers of firmware tables and ELF programs. */
#include "tools/acpi_fadt.h"
#include "tools/elf_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_symbol symbol;
	struct core_acpi acpi;
	struct elf_plan plan;
	const char *reason;
	struct acpi_s5 s5;

	if (acpi_s5_find(data, size, &s5) == STATUS_OK || acpi_fadt_read(data, size, &acpi) == STATUS_OK)
		return 0;
	return elf_plan_make(data, size, &plan, &reason) == STATUS_OK && elf_symbol_find(data, size, "thaw", &symbol) &&
	       false;
}
