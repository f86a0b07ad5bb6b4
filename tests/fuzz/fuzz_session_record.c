/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record of a session's filesystems with a right checksum; what is accepted comes out as it went in. */
#include "disk/session_record.h"
#include "lib/crc32.h"
#include "lib/string.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct page in, out;
	static struct session_record record, again;
	uint32_t crc;
	memcpy(memset(&in, 0, sizeof(in)), data, min_u64(size, sizeof(in)));
	crc = crc32_zlib(in.bytes + SESSION_RECORD_OFFSET + 12, SESSION_RECORD_BYTES - 12);
	memcpy(in.bytes + SESSION_RECORD_OFFSET + 8, &crc, sizeof(crc));
	if (session_record_decode(&in, &record) != STATUS_OK)
		return 0;
	session_record_encode(&record, &out);
	return session_record_decode(&out, &again) == STATUS_OK && again.count == record.count ? 0
											       : (__builtin_trap(), 0);
}
