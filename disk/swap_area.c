/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Swap areas, version 1 (include/linux/swap.h, union swap_header; mkswap(8)).
 */
#include "disk/swap_area.h"

#include "disk/uuid.h"
#include "lib/span.h"
#include "lib/string.h"

struct swap_format {
	uint8_t boot_area[1024];
	uint32_t version;
	uint32_t last_page;
	uint32_t bad_page_count;
	uint8_t uuid[UUID_BYTES];
	uint8_t label[16];
	uint8_t rest[3018];
	uint8_t signature[10];
} __attribute__((packed));

#define SWAP_AT(field) offsetof(struct swap_format, field)

_Static_assert(SWAP_AT(version) == 1024, "union swap_header");
_Static_assert(SWAP_AT(uuid) == 1036, "union swap_header");
_Static_assert(SWAP_AT(label) == 1052, "union swap_header");
_Static_assert(SWAP_AT(signature) == 4086, "union swap_header");
_Static_assert(sizeof(struct swap_format) == PAGE_BYTES, "union swap_header is a page");

#define SWAP_VERSION 1

bool swap_area_is_plain(const struct page *first)
{
	return memcmp(first->bytes + SWAP_AT(signature), "SWAPSPACE2", 10) == 0;
}

bool swap_area_identify(const struct page *first, struct identity *identity_out)
{
	static const uint8_t no_uuid[UUID_BYTES];
	const uint8_t *uuid = first->bytes + SWAP_AT(uuid);
	struct span span = span_of(first->bytes, sizeof(first->bytes));

	if (span_u32(&span, SWAP_AT(version)) != SWAP_VERSION)
		return false;
	memset(identity_out, 0, sizeof(*identity_out));
	if (memcmp(uuid, no_uuid, sizeof(no_uuid)) != 0)
		uuid_format(uuid, identity_out->uuid);
	memcpy(identity_out->label, first->bytes + SWAP_AT(label), 16);
	return true;
}
