/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An ext filesystem with /boot/kernel, 1500 bytes in an extent, for the tests of the reader. */
#pragma once

#include "tests/unit/ext_image.h"
#include "tests/unit/find_file.h"

extern struct ext_image image;
extern uint32_t boot; /* the inode of /boot */
extern uint32_t kernel;
extern uint32_t kernel_block;

void ext_fixture_make(uint32_t block_bytes, uint32_t inode_bytes, bool has_checksums);

/* Without and with checksums, blocks of 1024 bytes. */
int ext_fixture_plain(void **state);
int ext_fixture_checked(void **state);
int ext_fixture_teardown(void **state);

#define PLAIN(test)   cmocka_unit_test_setup_teardown(test, ext_fixture_plain, ext_fixture_teardown)
#define CHECKED(test) cmocka_unit_test_setup_teardown(test, ext_fixture_checked, ext_fixture_teardown)

/* The path is refused so, with a reason that contains the text. */
void refuse(const char *path, enum status status, const char *text);

/* The path leads to /boot/kernel. */
void expect_kernel(const char *path);
