/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of the running system (sysfs, procfs, configuration), below a root that tests choose. Nothing of what is read
 * is trusted: every read is bounded. A path is absolute, and names no root.
 */
#pragma once

#include "include/types.h"

#define TREE_PATH_BYTES 1024

struct tree {
	const char *root; /* "": the running system itself */
};

/* The path with its root in front, for what needs a name. False (ENAMETOOLONG): it is too long. */
bool tree_path(const struct tree *tree, const char *path, char path_out[TREE_PATH_BYTES]);

/*
 * At most limit bytes of a file, with a NUL behind them; NULL with errno set (EFBIG: it is longer). The caller frees
 * it.
 */
char *tree_read(const struct tree *tree, const char *path, size_t limit, size_t *bytes_out);

/* A short text without the white space at its end; what does not fit is cut off. False with errno set. */
bool tree_read_line(const struct tree *tree, const char *path, char *text_out, size_t capacity);

/* An unsigned number in a file of its own, decimal or 0x…. False with errno set (EINVAL: it is none). */
bool tree_read_number(const struct tree *tree, const char *path, uint64_t *value_out);

/* True: it is there. False with errno set: ENOENT where it is not, EACCES where only root is told. */
bool tree_exists(const struct tree *tree, const char *path);

/* Time of the last change, in seconds; false with errno set. */
bool tree_changed(const struct tree *tree, const char *path, int64_t *seconds_out);

/* What a symbolic link says, and the last name in it. False with errno set (EINVAL: it is no link). */
bool tree_link(const struct tree *tree, const char *path, char *text_out, size_t capacity);
bool tree_link_name(const struct tree *tree, const char *path, char *name_out, size_t capacity);

/*
 * The names in a directory, in alphabetic order and without those that begin with a dot, up to capacity of them. 0 too
 * when it can't be read.
 */
struct tree_name {
	char text[256];
};
size_t tree_list(const struct tree *tree, const char *path, struct tree_name *names_out, size_t capacity);
