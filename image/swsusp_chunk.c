/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The chunks of a compressed swsusp image: framing and unpacking (kernel/power/swap.c, load_compressed_image; LZO1X
 * by liblzo2 2.10, raw LZ4 blocks by lz4_block.c; 6.1 to 6.12).
 */
#include "image/swsusp.h"

#include <lzo/lzo1x.h>

#include "image/lz4_block.h"
#include "image/swsusp_format.h"
#include "lib/span.h"

enum status swsusp_chunk_frame(const uint8_t first[8], uint32_t *packed_bytes_out, uint32_t *disk_pages_out)
{
	struct span span = span_of(first, SWSUSP_CHUNK_LENGTH_BYTES);
	const uint64_t packed_bytes = span_u64(&span, 0);

	if (packed_bytes == 0 || packed_bytes > SWSUSP_CHUNK_PACKED_MAX)
		return STATUS_CORRUPT;
	*packed_bytes_out = (uint32_t)packed_bytes;
	*disk_pages_out = (uint32_t)div_round_up(packed_bytes + SWSUSP_CHUNK_LENGTH_BYTES, PAGE_BYTES);
	return STATUS_OK;
}

static enum status unpack_lzo(const uint8_t *packed, uint32_t packed_bytes, uint8_t *out, uint32_t out_bytes)
{
	lzo_uint unpacked_bytes = out_bytes;

	/* LZO_E_INPUT_NOT_CONSUMED and every other code but LZO_E_OK mean a damaged chunk. */
	if (lzo1x_decompress_safe(packed, packed_bytes, out, &unpacked_bytes, NULL) != LZO_E_OK)
		return STATUS_CORRUPT;
	return unpacked_bytes == out_bytes ? STATUS_OK : STATUS_CORRUPT;
}

enum status swsusp_chunk_unpack(enum swsusp_codec codec, const uint8_t *packed, uint32_t packed_bytes, uint8_t *out,
				uint32_t out_bytes)
{
	if (packed_bytes == 0 || out_bytes == 0 || out_bytes % PAGE_BYTES != 0 || out_bytes > SWSUSP_CHUNK_BYTES ||
	    packed_bytes > SWSUSP_CHUNK_PACKED_MAX)
		return STATUS_INVALID;
	switch (codec) {
	case SWSUSP_LZO:
		return unpack_lzo(packed, packed_bytes, out, out_bytes);
	case SWSUSP_LZ4:
		return lz4_block_unpack(packed, packed_bytes, out, out_bytes);
	case SWSUSP_PLAIN:
		break;
	}
	return STATUS_INVALID;
}
