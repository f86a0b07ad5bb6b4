/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `make bench` compares with: how fast the driver reads when nothing else is done.
 */
#pragma once

#include "loader/find.h"

/*
 * Reads the start of the image's device sequentially, up to 256 MiB, into one piece of the arena (rewound), and logs
 * bytes and microseconds. An error is logged and has no other consequence.
 */
void benchmark_read(const struct found_image *found, struct arena *arena);
