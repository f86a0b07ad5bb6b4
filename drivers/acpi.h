/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few facts that Thaw takes from ACPI's static tables (ACPI specification 6.5): where the RSDP is, the FADT's
 * fixed registers, the hardware signature. No AML, no namespace, nothing of it is needed to find disks.
 */
#pragma once

#include "include/status.h"
#include "include/types.h"
#include "lib/span.h"
#include "mm/memory_map.h"

/* A fixed register block in I/O space. port 0: there is none, or it is not in I/O space. */
struct acpi_block {
	uint16_t port;
	uint8_t bytes;
};

struct acpi_registers {
	bool hardware_reduced;
	bool power_button_fixed; /* not a control-method device: PM1's PWRBTN bits are its own */
	bool sleep_button_fixed;
	uint16_t smi_command;         /* port; 0: no SMI to switch with */
	uint8_t acpi_enable;          /* what to write there */
	struct acpi_block pm1a_event; /* status in the lower half, enable in the upper */
	struct acpi_block pm1b_event;
	struct acpi_block pm1a_control;
	struct acpi_block pm1b_control;
	struct acpi_block gpe0; /* likewise */
	struct acpi_block gpe1;
	bool has_hardware_signature; /* a FACS was found */
	uint32_t hardware_signature;
};

/*
 * Looks for an RSDP with a valid checksum on a 16-byte boundary of memory (ACPI 6.5, 5.2.5.1); memory begins at a
 * 16-byte boundary. False when there is none.
 */
bool acpi_rsdp_search(struct span memory, size_t *offset_out);

/*
 * The RSDP's physical address: searched in the EBDA, taken to be what lies between low RAM and 640 KiB (page 0, which
 * names it, is not mapped), then from 0xE0000 to 1 MiB. STATUS_NOT_FOUND. In the loader only.
 */
nodiscard enum status acpi_rsdp_find(const struct memory_map *map, uint64_t *address_out);

/*
 * Reads RSDT or XSDT, FADT and FACS, starting from a copy of the RSDP. Tables are read only where the memory map lists
 * memory of whatever type, or in the BIOS area below 1 MiB, and (page 0, beyond 4 GiB) where Thaw has mapped it;
 * lengths and checksums are verified. Without a usable FACS has_hardware_signature is false and that is no error.
 *
 * Errors: STATUS_NOT_FOUND (no RSDP copy, or no FADT listed), STATUS_CORRUPT (a length, checksum or address that can't
 * be believed).
 */
nodiscard enum status acpi_read(const struct memory_map *map, const uint8_t *rsdp_copy, uint32_t rsdp_bytes,
				struct acpi_registers *registers_out);

/*
 * Brings the machine into ACPI mode as a kernel's start does, for an image that expects that (facts: a session that
 * hibernated in shutdown mode does not do it again): clears the fixed events' status, writes ACPI_ENABLE to SMI_CMD,
 * waits at most 3 s for SCI_EN, then enables the global-lock event and the fixed buttons. Nothing is done when the
 * hardware is ACPI-reduced or SCI_EN is set already.
 *
 * Errors: STATUS_UNSUPPORTED (no SMI command, or no PM1 registers in I/O space), STATUS_TIMEOUT.
 */
nodiscard enum status acpi_enable(const struct acpi_registers *registers);
