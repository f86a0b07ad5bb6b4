/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kdump-compressed dumps (makedumpfile 1.7: diskdump_mod.h, struct disk_dump_header, kdump_sub_header, page_desc).
 */
#include "image/kdump.h"

#include <lzo/lzo1x.h>

#include "lib/span.h"
#include "lib/string.h"

#define SIGNATURE_KDUMP     "KDUMP   "
#define SIGNATURE_ELF       "\177ELF"
#define SIGNATURE_FLATTENED "makedumpfile\0\0\0"
#define HEADER_VERSION      6
#define FRAMES_MAX          BIT64(40) /* 2^52 bytes */

enum header_field {
	HEADER_VERSION_AT = 0x08,
	HEADER_MACHINE_AT = 0x110, /* of utsname; empty where makedumpfile did not know it */
	HEADER_STATUS_AT = 0x1A8,
	HEADER_BLOCK_AT = 0x1AC,
	HEADER_SUB_BLOCKS_AT = 0x1B0,
	HEADER_BITMAP_BLOCKS_AT = 0x1B4,
};

enum sub_header_field {
	SUB_LEVEL_AT = 0x08,
	SUB_SPLIT_AT = 0x0C,
	SUB_ERASED_BYTES_AT = 0x48,
	SUB_FRAMES_AT = 0x60,
};

/* Status of the header; the codecs are also the flags of a page. */
#define CODEC_ZLIB        BIT(0)
#define CODEC_LZO         BIT(1)
#define CODEC_SNAPPY      BIT(2)
#define STATUS_INCOMPLETE BIT(3)
#define STATUS_EXCLUDED   BIT(4)
#define CODEC_ZSTD        BIT(5)

/* Dump level: what was left out. */
#define LEVEL_ZERO BIT(0)
#define LEVEL_FREE BIT(4)

struct signature {
	const char *text;
	const char *used;
	uint32_t bytes;
	enum dump_kind kind;
};

static const struct signature signatures[] = {
	{SIGNATURE_KDUMP, "KDUSED  ", 8, DUMP_KDUMP},
	{SIGNATURE_ELF, "\177EUS", 4, DUMP_ELF},
	{SIGNATURE_FLATTENED, "usedumpfile\0\0\0\0", 16, DUMP_FLATTENED},
};

enum dump_kind dump_identify(const struct page *first)
{
	for (size_t i = 0; i < ARRAY_COUNT(signatures); i++) {
		if (!memcmp(first, signatures[i].text, signatures[i].bytes))
			return signatures[i].kind;
		if (!memcmp(first, signatures[i].used, signatures[i].bytes))
			return DUMP_USED;
	}
	return DUMP_NONE;
}

void dump_mark_used(struct page *first)
{
	for (size_t i = 0; i < ARRAY_COUNT(signatures); i++)
		if (!memcmp(first, signatures[i].text, signatures[i].bytes))
			memcpy(first, signatures[i].used, signatures[i].bytes);
}

static enum status refuse(const char **reason_out, enum status status, const char *reason)
{
	*reason_out = reason;
	return status;
}

/* Snappy and Zstandard are the codecs that makedumpfile has and we have not. */
static enum status check_codec(uint32_t flags, const char **reason_out)
{
	if (flags & CODEC_SNAPPY)
		return refuse(reason_out, STATUS_UNSUPPORTED, "the dump is packed with snappy");
	if (flags & CODEC_ZSTD)
		return refuse(reason_out, STATUS_UNSUPPORTED, "the dump is packed with zstd");
	if (flags & ~(CODEC_ZLIB | CODEC_LZO))
		return refuse(reason_out, STATUS_UNSUPPORTED, "the dump has flags that are not known");
	return STATUS_OK;
}

/* Is it a dump of all that a session needs? */
static enum status check_completeness(struct span *header, struct span *sub, const char **reason_out)
{
	const uint32_t status = span_u32(header, HEADER_STATUS_AT);
	const uint32_t level = span_u32(sub, SUB_LEVEL_AT);

	if (status & STATUS_INCOMPLETE)
		return refuse(reason_out, STATUS_CORRUPT, "the dump says that it is not complete");
	if ((level & ~(LEVEL_ZERO | LEVEL_FREE)) || (status & STATUS_EXCLUDED) || span_u64(sub, SUB_ERASED_BYTES_AT))
		return refuse(reason_out, STATUS_UNSUPPORTED,
			      "pages that the session needs were left out of the dump (dump level)");
	if (span_u32(sub, SUB_SPLIT_AT))
		return refuse(reason_out, STATUS_UNSUPPORTED, "the dump is a part of a split one");
	return check_codec(status, reason_out);
}

enum status kdump_header_parse(const uint8_t header[KDUMP_HEADER_BYTES],
			       const uint8_t sub_header[KDUMP_SUB_HEADER_BYTES], uint64_t file_bytes,
			       struct kdump *kdump_out, const char **reason_out)
{
	struct span span = span_of(header, KDUMP_HEADER_BYTES);
	struct span sub = span_of(sub_header, KDUMP_SUB_HEADER_BYTES);
	const uint64_t bitmap_blocks = span_u32(&span, HEADER_BITMAP_BLOCKS_AT);
	const uint64_t sub_blocks = span_u32(&span, HEADER_SUB_BLOCKS_AT);
	struct kdump kdump = {.frames = span_u64(&sub, SUB_FRAMES_AT), .file_bytes = file_bytes};

	if (memcmp(header, SIGNATURE_KDUMP, sizeof(SIGNATURE_KDUMP) - 1) != 0)
		return refuse(reason_out, STATUS_NOT_FOUND, "no kdump-compressed dump");
	if (span_u32(&span, HEADER_VERSION_AT) != HEADER_VERSION || span_u32(&span, HEADER_BLOCK_AT) != PAGE_BYTES ||
	    (header[HEADER_MACHINE_AT] && memcmp(header + HEADER_MACHINE_AT, "x86_64", sizeof("x86_64")) != 0))
		return refuse(reason_out, STATUS_UNSUPPORTED, "the dump is of another version or machine");
	TRY(check_completeness(&span, &sub, reason_out));
	kdump.bitmap_bytes = bitmap_blocks / 2 * PAGE_BYTES;
	kdump.existing_offset = (1 + sub_blocks) * PAGE_BYTES;
	kdump.dumped_offset = kdump.existing_offset + kdump.bitmap_bytes;
	kdump.descriptors_offset = kdump.dumped_offset + kdump.bitmap_bytes;
	if (sub_blocks == 0 || bitmap_blocks % 2 != 0 || kdump.frames == 0 || kdump.frames > FRAMES_MAX ||
	    div_round_up(kdump.frames, 8) > kdump.bitmap_bytes || kdump.descriptors_offset > file_bytes)
		return refuse(reason_out, STATUS_CORRUPT, "the sizes in the dump's header contradict each other");
	*kdump_out = kdump;
	return STATUS_OK;
}

enum status kdump_page_parse(const struct kdump *kdump, const uint8_t descriptor[KDUMP_DESCRIPTOR_BYTES],
			     struct kdump_page *page_out, const char **reason_out)
{
	struct span span = span_of(descriptor, KDUMP_DESCRIPTOR_BYTES);
	const struct kdump_page page = {span_u64(&span, 0), span_u32(&span, 8), span_u32(&span, 12)};

	TRY(check_codec(page.codec, reason_out));
	if (page.bytes == 0 || page.bytes > PAGE_BYTES || (page.codec == 0 && page.bytes != PAGE_BYTES) ||
	    page.codec == (CODEC_ZLIB | CODEC_LZO) || page.offset < kdump->descriptors_offset ||
	    page.offset > kdump->file_bytes || page.bytes > kdump->file_bytes - page.offset)
		return refuse(reason_out, STATUS_CORRUPT, "a page descriptor of the dump is not valid");
	*page_out = page;
	return STATUS_OK;
}

enum status kdump_page_unpack(const struct kdump_page *page, const uint8_t *stored, struct inflate *work,
			      struct page *out)
{
	lzo_uint unpacked_bytes = PAGE_BYTES;

	if (page->codec == CODEC_ZLIB)
		return inflate_zlib(work, stored, page->bytes, out->bytes, PAGE_BYTES);
	if (page->codec == CODEC_LZO)
		return lzo1x_decompress_safe(stored, page->bytes, out->bytes, &unpacked_bytes, NULL) == LZO_E_OK &&
				       unpacked_bytes == PAGE_BYTES
			       ? STATUS_OK
			       : STATUS_CORRUPT;
	memcpy(out, stored, PAGE_BYTES);
	return STATUS_OK;
}
