/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packs the chunks of a kexec-jump image: LZO1X-1 by liblzo2 2.10, LZ4 by lz4_compress.c.
 */
#include "image/core_layout.h"

#include <lzo/lzo1x.h>

#include "image/lz4_compress.h"
#include "lib/string.h"

/* What lzo1x_1_compress may need for incompressible bytes (liblzo2's LZO.FAQ, "How much can my data expand"). */
#define LZO_WORST(bytes) ((bytes) + (bytes) / 16 + 64 + 3)

_Static_assert(LZO_WORST((uint32_t)CORE_CHUNK_PAGES *PAGE_BYTES) <= CORE_PACK_OUT_BYTES, "room for LZO");
_Static_assert(LZO1X_1_MEM_COMPRESS <= CORE_PACK_WORK_BYTES, "work memory of LZO");
_Static_assert(LZ4_COMPRESS_TABLE_ENTRIES * sizeof(uint32_t) <= CORE_PACK_WORK_BYTES, "work memory of LZ4");

/* 0: not packed. */
static uint32_t packed_make(enum core_codec codec, const uint8_t *raw, uint32_t bytes, uint8_t *packed, void *work)
{
	lzo_uint packed_bytes;

	switch (codec) {
	case CORE_LZO:
		return lzo1x_1_compress(raw, bytes, packed, &packed_bytes, work) == LZO_E_OK ? (uint32_t)packed_bytes
											     : 0;
	case CORE_LZ4:
		return lz4_compress(raw, bytes, packed, bytes - PAGE_BYTES, work);
	case CORE_PLAIN:
		break;
	}
	return 0;
}

uint32_t core_chunk_pack(enum core_codec codec, const uint8_t *raw, uint32_t bytes, uint8_t *packed, void *work)
{
	const uint32_t packed_bytes = packed_make(codec, raw, bytes, packed, work);

	if (packed_bytes == 0 || packed_bytes > bytes - PAGE_BYTES)
		return bytes;
	memset(packed + packed_bytes, 0, -packed_bytes % PAGE_BYTES);
	return packed_bytes;
}
