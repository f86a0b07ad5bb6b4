/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of a session's filesystems beside the filesystems of this machine, as the loader would compare them.
 */
#pragma once

#include <stdio.h>

#include "disk/session_record.h"
#include "tools/tree.h"

/*
 * A line on the stream (NULL: none) for each filesystem that is compared. False: one of them was changed, and the
 * loader would refuse the image as stale.
 */
bool session_compare(const struct tree *tree, const struct session_record *record, FILE *stream);
