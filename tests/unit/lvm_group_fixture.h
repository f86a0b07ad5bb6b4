/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Metadata texts of one group, for the tests of what they say and of what is refused.
 */
#pragma once

#include "disk/lvm_group.h"
#include "lvm_disk.h"

#define VISIBLE  "\"READ\", \"WRITE\", \"VISIBLE\""
#define HIDDEN   "\"READ\", \"WRITE\""
#define UUID_AAA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define UUID_GGG "gggggggggggggggggggggggggggggggg"

/* A linear segment, in short. */
#define RUN(number, start, count, member, first)                                                                       \
	"segment" #number " {\nstart_extent = " #start " extent_count = " #count " type = \"striped\" stripe_count = " \
	"1\nstripes = [\n\"" member "\", " #first "\n]\n}\n"

/* One of another type. */
#define OTHER(type, rest) "segment1 {\nstart_extent = 0\nextent_count = 8\n\ntype = \"" type "\"\n" rest "\n}\n"

/* For replace(). */
struct replacement {
	const char *from, *end, *with;
};

extern struct lvm_disk_text text;
extern struct lvm_group group; /* of the last parse */
extern const char *parse_reason;

/* Parses a copy that has nothing behind it. */
enum status parse(const char *chars, size_t bytes);

/* Parses the text: refused, for this reason. */
void expect_refused(enum status status, const char *said);

/* … and it is a group. */
void expect_parsed(void);

/* Group vg with pv0 of 100 extents and pv1 of 50. */
void begin(void);

/* One more volume with so many segments. */
void volume(const char *name, const char *status, unsigned count, const char *segments);

/* The whole text with one volume. */
void with_volume(unsigned count, const char *segments);

/* Takes what stands between `from` and the next `end` out of the text, and puts this in. */
void replace(const char *from, const char *end, const char *with);
