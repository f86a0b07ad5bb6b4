/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How user space names what is on a partition: the UUID= and LABEL= that libblkid would report.
 */
#pragma once

#include "include/types.h"

#define IDENTITY_UUID_BYTES  41  /* LUKS writes up to 40 characters */
#define IDENTITY_LABEL_BYTES 257 /* Btrfs: up to 256 */

struct identity {
	char uuid[IDENTITY_UUID_BYTES];   /* empty: none */
	char label[IDENTITY_LABEL_BYTES]; /* as on disk, any bytes but NUL; empty: none */
};
