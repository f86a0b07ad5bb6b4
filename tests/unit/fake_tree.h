/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A root of files in a temporary directory, for what reads sysfs, procfs and configuration.
 */
#pragma once

#include "tools/tree.h"

struct fake_tree {
	char root[64];
	struct tree tree;
};

void fake_tree_make(struct fake_tree *fake);
void fake_tree_remove(struct fake_tree *fake);

/* Directories are made as needed; what is there is replaced. */
void fake_tree_put(const struct fake_tree *fake, const char *path, const char *text);
void fake_tree_put_bytes(const struct fake_tree *fake, const char *path, const void *bytes, size_t count);
void fake_tree_link(const struct fake_tree *fake, const char *path, const char *target);
void fake_tree_drop(const struct fake_tree *fake, const char *path);

/* All files have one date until they are aged: by so many seconds before the others. */
void fake_tree_age(const struct fake_tree *fake, const char *path, long seconds);
