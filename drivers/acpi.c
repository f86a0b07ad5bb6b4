/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI's static tables (ACPI specification 6.5, 5.2): plain reads, no hardware.
 */
#include "drivers/acpi.h"

#include "drivers/acpi_format.h"
#include "lib/checked.h"
#include "lib/string.h"

#define BIOS_AREA_START   0xE0000u
#define BIOS_AREA_END     0x100000u
#define EBDA_LOWEST       0x80000u /* it is at most 128 KiB long */
#define EBDA_END          0xA0000u
#define TABLE_BYTES_MAX   (64 * KIB)
#define MAPPED_END        (4 * GIB)
#define PM1_EVENT_BYTES   4
#define PM1_CONTROL_BYTES 2

#define FADT(field) offsetof(struct acpi_fadt_format, field)

static bool checksum_ok(const uint8_t *bytes, size_t count)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return sum == 0;
}

/* A span of exactly the RSDP's bytes, or a failed one. Both parts' checksums are verified. */
static struct span rsdp_checked(struct span memory, size_t offset)
{
	struct span rsdp = span_part(&memory, offset, ACPI_RSDP_V1_BYTES);

	if (!span_ok(&rsdp) || memcmp(rsdp.bytes, ACPI_RSDP_SIGNATURE, 8) != 0 ||
	    !checksum_ok(rsdp.bytes, ACPI_RSDP_V1_BYTES)) {
		rsdp.failed = true;
		return rsdp;
	}
	if (span_u8(&rsdp, offsetof(struct acpi_rsdp_format, revision)) < 2)
		return rsdp;
	rsdp = span_part(&memory, offset, ACPI_RSDP_V2_BYTES);
	if (span_ok(&rsdp) && !checksum_ok(rsdp.bytes, ACPI_RSDP_V2_BYTES))
		rsdp.failed = true;
	return rsdp;
}

bool acpi_rsdp_search(struct span memory, size_t *offset_out)
{
	for (size_t offset = 0; offset < memory.size; offset += ACPI_RSDP_ALIGNMENT) {
		const struct span rsdp = rsdp_checked(memory, offset);

		if (!span_ok(&rsdp))
			continue;
		*offset_out = offset;
		return true;
	}
	return false;
}

static bool search_at(uint64_t start, uint64_t end, uint64_t *address_out)
{
	size_t offset;

	if (start >= end || !acpi_rsdp_search(span_of(paddr_to_virt((struct paddr){start}), end - start), &offset))
		return false;
	*address_out = start + offset;
	return true;
}

enum status acpi_rsdp_find(const struct memory_map *map, uint64_t *address_out)
{
	uint64_t ebda = EBDA_LOWEST;

	for (uint32_t i = 0; i < map->count; i++) {
		if (map->ranges[i].type == MEMORY_RAM && map->ranges[i].start < EBDA_END)
			ebda = max_u64(ebda, map->ranges[i].end);
	}
	if (search_at(align_up(ebda, ACPI_RSDP_ALIGNMENT), EBDA_END, address_out) ||
	    search_at(BIOS_AREA_START, BIOS_AREA_END, address_out))
		return STATUS_OK;
	return STATUS_NOT_FOUND;
}

/* True when the map lists every byte, of whatever type, and Thaw has mapped it. */
static bool readable(const struct memory_map *map, uint64_t start, uint64_t end)
{
	uint64_t covered = start;

	if (start < PAGE_BYTES)
		return false;
	if (start >= BIOS_AREA_START && end <= BIOS_AREA_END)
		return true;
	/* RAM is mapped wherever it is, everything else below 4 GiB. */
	if (end > MAPPED_END)
		return memory_map_covers(map, start, end, MEMORY_RAM);
	for (uint32_t i = 0; i < map->count && covered < end; i++) {
		if (map->ranges[i].start <= covered && covered < map->ranges[i].end)
			covered = map->ranges[i].end;
	}
	return covered >= end;
}

/* The bytes of a table of at least bytes_min that begins with signature; its length lies at offset 4. */
static enum status table_at(const struct memory_map *map, uint64_t address, const char *signature, uint32_t bytes_min,
			    struct span *table_out)
{
	struct span head;
	uint64_t end;
	uint32_t length;

	if (!checked_add_u64(address, bytes_min, &end) || !readable(map, address, end))
		return STATUS_CORRUPT;
	head = span_of(paddr_to_virt((struct paddr){address}), bytes_min);
	if (memcmp(head.bytes, signature, 4) != 0)
		return STATUS_NOT_FOUND;
	length = span_u32(&head, offsetof(struct acpi_table_format, length));
	if (length < bytes_min || length > TABLE_BYTES_MAX || !checked_add_u64(address, length, &end) ||
	    !readable(map, address, end))
		return STATUS_CORRUPT;
	*table_out = span_of(head.bytes, length);
	return STATUS_OK;
}

/* The root table lists others by address, each entry_bytes long: the first FADT whose checksum is right. */
static enum status fadt_find(const struct memory_map *map, struct span root, size_t entry_bytes, struct span *fadt_out)
{
	enum status result = STATUS_NOT_FOUND;

	if (!checksum_ok(root.bytes, root.size))
		return STATUS_CORRUPT;
	for (size_t at = sizeof(struct acpi_table_format); at + entry_bytes <= root.size; at += entry_bytes) {
		struct span fadt;
		enum status status = table_at(map, span_read_le(&root, at, entry_bytes), ACPI_FADT_SIGNATURE,
					      ACPI_FADT_V1_BYTES, &fadt);

		if (status == STATUS_OK && checksum_ok(fadt.bytes, fadt.size)) {
			*fadt_out = fadt;
			return STATUS_OK;
		}
		/* Another table that can't be read may not be the FADT: it matters only if none is found. */
		if (status != STATUS_NOT_FOUND)
			result = STATUS_CORRUPT;
	}
	return result;
}

/* The XSDT where there is one, else the RSDT (5.2.5.3). */
static enum status fadt_from_rsdp(const struct memory_map *map, struct span rsdp, struct span *fadt_out)
{
	const uint64_t rsdt = span_u32(&rsdp, offsetof(struct acpi_rsdp_format, rsdt_address));
	const uint32_t header_bytes = sizeof(struct acpi_table_format);
	/* 0 when the RSDP has no second part: fields that a shorter table lacks read as 0 here and below. */
	const uint64_t xsdt = span_u64(&rsdp, offsetof(struct acpi_rsdp_format, xsdt_address));
	struct span root;

	if (xsdt != 0 && table_at(map, xsdt, "XSDT", header_bytes, &root) == STATUS_OK)
		return fadt_find(map, root, sizeof(uint64_t), fadt_out);
	if (table_at(map, rsdt, "RSDT", header_bytes, &root) != STATUS_OK)
		return STATUS_CORRUPT;
	return fadt_find(map, root, sizeof(uint32_t), fadt_out);
}

/* X_ fields count when they name a port; older and shorter tables have only the 32-bit ones. */
static struct acpi_block block_read(struct span *fadt, size_t field, size_t extended_field, uint8_t bytes)
{
	const size_t address_offset = extended_field + offsetof(struct acpi_gas_format, address);
	uint64_t port = span_u32(fadt, field);

	if (span_u64(fadt, address_offset) != 0)
		port = fadt->bytes[extended_field] == ACPI_GAS_SYSTEM_IO ? span_u64(fadt, address_offset) : 0;
	if (port == 0 || port > UINT16_MAX || port + bytes > (uint64_t)UINT16_MAX + 1)
		return (struct acpi_block){0};
	return (struct acpi_block){.port = (uint16_t)port, .bytes = bytes};
}

static void facs_read(const struct memory_map *map, struct span *fadt, struct acpi_registers *registers)
{
	const uint64_t addresses[] = {
		span_u64(fadt, FADT(x_firmware_ctrl)),
		span_u32(fadt, FADT(firmware_ctrl)),
	};

	for (size_t i = 0; i < ARRAY_COUNT(addresses) && !registers->has_hardware_signature; i++) {
		struct span facs;

		if (addresses[i] == 0 ||
		    table_at(map, addresses[i], ACPI_FACS_SIGNATURE, ACPI_FACS_BYTES_MIN, &facs) != STATUS_OK)
			continue;
		registers->hardware_signature = span_u32(&facs, offsetof(struct acpi_facs_format, hardware_signature));
		registers->has_hardware_signature = true;
	}
}

enum status acpi_read(const struct memory_map *map, const uint8_t *rsdp_copy, uint32_t rsdp_bytes,
		      struct acpi_registers *registers_out)
{
	const struct span rsdp = rsdp_checked(span_of(rsdp_copy, rsdp_bytes), 0);
	struct acpi_registers registers = {0};
	struct span fadt;
	uint32_t flags;
	uint32_t smi_command;
	uint8_t event_bytes;

	if (rsdp_bytes == 0)
		return STATUS_NOT_FOUND;
	if (!span_ok(&rsdp))
		return STATUS_CORRUPT;
	TRY(fadt_from_rsdp(map, rsdp, &fadt));
	flags = span_u32(&fadt, FADT(flags));
	registers.hardware_reduced = (flags & ACPI_FADT_HW_REDUCED_ACPI) != 0;
	registers.power_button_fixed = (flags & ACPI_FADT_PWR_BUTTON) == 0;
	registers.sleep_button_fixed = (flags & ACPI_FADT_SLP_BUTTON) == 0;
	smi_command = span_u32(&fadt, FADT(smi_cmd));
	registers.smi_command = smi_command <= UINT16_MAX ? (uint16_t)smi_command : 0;
	registers.acpi_enable = span_u8(&fadt, FADT(acpi_enable));
	/* Odd and too small lengths are seen; the registers themselves have two bytes each. */
	event_bytes = (uint8_t)max_u64(span_u8(&fadt, FADT(pm1_evt_len)) & ~1u, PM1_EVENT_BYTES);
	registers.pm1a_event = block_read(&fadt, FADT(pm1a_evt_blk), FADT(x_pm1a_evt_blk), event_bytes);
	registers.pm1b_event = block_read(&fadt, FADT(pm1b_evt_blk), FADT(x_pm1b_evt_blk), event_bytes);
	registers.pm1a_control = block_read(&fadt, FADT(pm1a_cnt_blk), FADT(x_pm1a_cnt_blk), PM1_CONTROL_BYTES);
	registers.pm1b_control = block_read(&fadt, FADT(pm1b_cnt_blk), FADT(x_pm1b_cnt_blk), PM1_CONTROL_BYTES);
	registers.gpe0 = block_read(&fadt, FADT(gpe0_blk), FADT(x_gpe0_blk), span_u8(&fadt, FADT(gpe0_blk_len)));
	registers.gpe1 = block_read(&fadt, FADT(gpe1_blk), FADT(x_gpe1_blk), span_u8(&fadt, FADT(gpe1_blk_len)));
	facs_read(map, &fadt, &registers);
	*registers_out = registers;
	return STATUS_OK;
}
