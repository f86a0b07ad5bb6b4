/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The header of a swap area (include/linux/swap.h, union swap_header), of whatever kind its signature says it is now.
 */
#pragma once

#include "disk/identity.h"

/* True for "SWAPSPACE2": swap without an image. Pages are 4096 bytes. */
bool swap_area_is_plain(const struct page *first);

/*
 * Decodes UUID and label of a page that is known to begin a swap area, from its signature or that of an image.
 * False: a version of the header that has none.
 */
bool swap_area_identify(const struct page *first, struct identity *identity_out);
