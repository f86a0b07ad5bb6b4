/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first page of a swap area: is there an image, whose is it, and how was it stored (kernel/power/swap.c,
 * mark_swapfiles and swsusp_check; include/linux/swap.h, union swap_header; 6.1 to 6.12).
 */
#include "image/swsusp.h"

#include "image/swsusp_format.h"
#include "lib/span.h"
#include "lib/string.h"

/* Signatures are compared in full, as the kernel does: "S1SUSPEND" includes its NUL. */
static const char swsusp_signature[SWSUSP_SIGNATURE_BYTES] = "S1SUSPEND";
static const char swap_signature[SWSUSP_SIGNATURE_BYTES + 1] = "SWAPSPACE2";

/* Images of other programs, as the signature libraries know them. */
static const struct {
	const char *signature;
	uint32_t bytes;
	const char *reason;
} foreign_images[] = {
	{"S2SUSPEND", 9, "image of uswsusp (S2SUSPEND)"},
	{"ULSUSPEND", 9, "image of uswsusp (ULSUSPEND)"},
	{"LINHIB0001", 10, "image of uswsusp (LINHIB0001)"},
	{"\xed\xc3\x02\xe9\x98\x56\xe5\x0c", 8, "image of TuxOnIce"},
};

static enum status signature_check(const struct page *page, const char **reason_out)
{
	const uint8_t *signature = page->bytes + SWSUSP_SIGNATURE_OFFSET;

	if (memcmp(signature, swsusp_signature, SWSUSP_SIGNATURE_BYTES) == 0)
		return STATUS_OK;
	for (size_t i = 0; i < ARRAY_COUNT(foreign_images); i++) {
		if (memcmp(signature, foreign_images[i].signature, foreign_images[i].bytes) == 0) {
			*reason_out = foreign_images[i].reason;
			return STATUS_UNSUPPORTED;
		}
	}
	*reason_out = "no image signature";
	return STATUS_NOT_FOUND;
}

static enum status flags_decode(uint32_t flags, struct swsusp_header *header, const char **reason_out)
{
	if ((flags & ~SWSUSP_FLAGS_KNOWN) != 0) {
		*reason_out = "unknown flags in the image header";
		return STATUS_UNSUPPORTED;
	}
	if ((flags & SWSUSP_FLAG_UNCOMPRESSED) != 0 && (flags & (SWSUSP_FLAG_LZ4 | SWSUSP_FLAG_CRC32)) != 0) {
		*reason_out = "flags in the image header contradict each other";
		return STATUS_CORRUPT;
	}
	if ((flags & SWSUSP_FLAG_UNCOMPRESSED) != 0)
		header->codec = SWSUSP_PLAIN;
	else
		header->codec = (flags & SWSUSP_FLAG_LZ4) != 0 ? SWSUSP_LZ4 : SWSUSP_LZO;
	header->platform = (flags & SWSUSP_FLAG_PLATFORM) != 0;
	header->has_crc32 = (flags & SWSUSP_FLAG_CRC32) != 0;
	header->has_hardware_signature = (flags & SWSUSP_FLAG_HARDWARE_SIGNATURE) != 0;
	return STATUS_OK;
}

static void swap_header_decode(struct span *span, struct swsusp_header *header)
{
	header->last_page = span_u32(span, SWSUSP_HEADER_AT(last_page));
	header->has_bad_pages = span_u32(span, SWSUSP_HEADER_AT(bad_page_count)) != 0;
	memcpy(header->uuid, span->bytes + SWSUSP_HEADER_AT(uuid), sizeof(header->uuid));
	memcpy(header->label, span->bytes + SWSUSP_HEADER_AT(label), sizeof(header->label) - 1);
}

enum status swsusp_header_parse(const struct page *page, struct swsusp_header *header_out, const char **reason_out)
{
	struct swsusp_header header = {0};
	struct span span = span_of(page->bytes, sizeof(page->bytes));

	*reason_out = "";
	TRY(signature_check(page, reason_out));
	TRY(flags_decode(span_u32(&span, SWSUSP_HEADER_AT(flags)), &header, reason_out));
	memcpy(header.original_signature, page->bytes + SWSUSP_HEADER_AT(original_signature), SWSUSP_SIGNATURE_BYTES);
	if (memcmp(header.original_signature, swap_signature, SWSUSP_SIGNATURE_BYTES) != 0) {
		*reason_out = "the signature to put back is not that of swap";
		return STATUS_CORRUPT;
	}
	if (span_u32(&span, SWSUSP_HEADER_AT(version)) != SWSUSP_SWAP_VERSION) {
		*reason_out = "unknown version of the swap header";
		return STATUS_CORRUPT;
	}
	swap_header_decode(&span, &header);
	header.crc32 = span_u32(&span, SWSUSP_HEADER_AT(crc32));
	header.hardware_signature = span_u32(&span, SWSUSP_HEADER_AT(hardware_signature));
	header.first_map_page = span_u64(&span, SWSUSP_HEADER_AT(first_map_page));
	if (header.first_map_page == 0) {
		*reason_out = "no swap map in the image header";
		return STATUS_CORRUPT;
	}
	*header_out = header;
	return STATUS_OK;
}
