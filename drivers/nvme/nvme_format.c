/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NVMe's structures in memory; see nvme_format.h. */
#include "drivers/nvme/nvme_format.h"

#include "lib/span.h"
#include "lib/string.h"

/* Identify controller (figure 275 of 2.0). */
enum controller_layout {
	CONTROLLER_SERIAL_AT = 4,
	CONTROLLER_SERIAL_BYTES = 20,
	CONTROLLER_MODEL_AT = 24,
	CONTROLLER_MODEL_BYTES = 40,
	CONTROLLER_MDTS_AT = 77,
	CONTROLLER_NN_AT = 516,
	CONTROLLER_VWC_AT = 525,
};

/* Identify namespace (NVM Command Set, figure 97). */
enum namespace_layout {
	NAMESPACE_NSZE_AT = 0,
	NAMESPACE_NLBAF_AT = 25,
	NAMESPACE_FLBAS_AT = 26,
	NAMESPACE_LBAF_AT = 128,
	NAMESPACE_LBAF_BYTES = 4,
	NAMESPACE_FORMATS_MAX = 64,
};

#define SECTOR_SHIFT_512  9
#define SECTOR_SHIFT_4096 12
#define MDTS_LARGE        20 /* 4 GiB: as good as no limit */

/* --- PRPs (4.1.1) ------------------------------------------------------------------------------------------------ */

/* Entry n of the whole: 0 is PRP1; the others go to the list, which PRP2 replaces when there is only one. */
static enum status prp_add(struct nvme_command *command, struct nvme_prp_list *list, uint32_t n, uint64_t address)
{
	if (n == 0) {
		command->prp1 = address;
		return STATUS_OK;
	}
	if (n > NVME_PRPS_MAX)
		return STATUS_INVALID;
	list->entries[n - 1] = address;
	return STATUS_OK;
}

enum status nvme_prps_build(struct nvme_command *command, const struct block_segment *segments, uint32_t count,
			    struct nvme_prp_list *list)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t address = segments[i].address.value;
		const uint64_t end = address + segments[i].bytes;

		if ((i > 0 && address % PAGE_BYTES != 0) || (i + 1 < count && end % PAGE_BYTES != 0))
			return STATUS_INVALID;
		for (; address < end; address = align_down(address, PAGE_BYTES) + PAGE_BYTES)
			TRY(prp_add(command, list, used++, address));
	}
	if (used == 2)
		command->prp2 = list->entries[0];
	else if (used > 2)
		command->prp2 = virt_to_paddr(list).value;
	return STATUS_OK;
}

/* --- identify data ----------------------------------------------------------------------------------------------- */

/* ASCII, padded with blanks; what is not printable becomes '?'. */
static void text_copy(char *text_out, const uint8_t *bytes, size_t count)
{
	while (count > 0 && (bytes[count - 1] == ' ' || bytes[count - 1] == '\0'))
		count--;
	for (size_t i = 0; i < count; i++)
		text_out[i] = (char)(bytes[i] >= ' ' && bytes[i] < 0x7F ? bytes[i] : '?');
	text_out[count] = '\0';
}

void nvme_controller_decode(const struct page *data, struct nvme_controller_identity *identity_out)
{
	struct span span = span_of(data->bytes, sizeof(data->bytes));
	const uint8_t mdts = span_u8(&span, CONTROLLER_MDTS_AT);

	text_copy(identity_out->serial, data->bytes + CONTROLLER_SERIAL_AT, CONTROLLER_SERIAL_BYTES);
	text_copy(identity_out->model, data->bytes + CONTROLLER_MODEL_AT, CONTROLLER_MODEL_BYTES);
	identity_out->transfer_bytes_max = mdts == 0 || mdts >= MDTS_LARGE ? UINT64_MAX : (uint64_t)PAGE_BYTES << mdts;
	identity_out->namespaces_max = span_u32(&span, CONTROLLER_NN_AT);
	identity_out->has_write_cache = (span_u8(&span, CONTROLLER_VWC_AT) & 1) != 0;
}

enum status nvme_namespace_decode(const struct page *data, uint32_t *sector_bytes_out, uint64_t *sector_count_out)
{
	struct span span = span_of(data->bytes, sizeof(data->bytes));
	const uint64_t sectors = span_u64(&span, NAMESPACE_NSZE_AT);
	const uint8_t flbas = span_u8(&span, NAMESPACE_FLBAS_AT);
	const uint32_t formats = span_u8(&span, NAMESPACE_NLBAF_AT) + 1u;
	/* The high bits count only where there are more than 16 formats; others left them reserved. */
	const uint32_t index = (flbas & 0xFu) | (formats > 16 ? (flbas >> 5 & 3u) << 4 : 0);
	uint32_t format;

	if (sectors == 0)
		return STATUS_NOT_FOUND;
	if (index >= formats || index >= NAMESPACE_FORMATS_MAX)
		return STATUS_UNSUPPORTED;
	format = span_u32(&span, NAMESPACE_LBAF_AT + index * NAMESPACE_LBAF_BYTES);
	if ((format & 0xFFFF) != 0)
		return STATUS_UNSUPPORTED;
	format = format >> 16 & 0xFF;
	if ((format != SECTOR_SHIFT_512 && format != SECTOR_SHIFT_4096) || sectors > UINT64_MAX >> SECTOR_SHIFT_4096)
		return STATUS_UNSUPPORTED;
	*sector_bytes_out = 1u << format;
	*sector_count_out = sectors;
	return STATUS_OK;
}
