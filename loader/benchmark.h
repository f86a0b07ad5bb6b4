/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `make bench` compares a restore with: how fast the driver reads when nothing else is done.
 */
#pragma once

#include "include/boot_info.h"
#include "loader/find.h"

/*
 * Reads the start of the image's device sequentially, up to 768 MiB, into free RAM as it comes (which only an image
 * that was accepted may otherwise cause: nothing is resumed after this), and logs bytes and microseconds. An error is
 * logged and has no other consequence.
 */
void benchmark_read(const struct found_image *found, const struct boot_info *boot, struct arena *arena);
