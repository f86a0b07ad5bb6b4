/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The header page of a swap area in use: read and written past the page cache. The kernel refuses writes to a device
 * that it swaps to (ETXTBSY), so that the page is written where it lies on the device below: the disk of a partition,
 * the partition under a logical volume.
 */
#pragma once

#include "tools/session_collect.h"
#include "tools/system.h"

struct session_place {
	char device[SYSTEM_DEVICE_BYTES];
	char node[SESSION_NODE_BYTES];
	uint64_t offset; /* of the page, in bytes */
	int descriptor;
};

/* "session-record: NODE: message" on stderr; returns false, for the caller to pass on. */
__attribute__((format(printf, 2, 3))) bool session_say(const char *node, const char *format, ...);

/* Page-aligned memory; ends the program when there is none. */
struct page *session_page(void);

/* Opens the place of an area's header to read it. False: said. */
bool session_place_open(const struct tree *tree, const struct system_area *area, struct session_place *place_out);
void session_place_close(struct session_place *place);

/* False: said. */
bool session_place_read(const struct session_place *place, struct page *page);

/*
 * Writes changed over the page, which was read as old. On true it is on the disk, and was read back. False: said; the
 * page is as before unless an error of the disk was said.
 */
bool session_place_write(const struct tree *tree, const struct session_place *place, const struct page *old,
			 const struct page *changed);

/* Where a page of a device lies on the one below; pure but for sysfs and (in the running system) dmsetup. */
bool session_place_below(const struct tree *tree, const char *device, uint64_t offset,
			 char below_out[SYSTEM_DEVICE_BYTES], uint64_t *offset_out);
