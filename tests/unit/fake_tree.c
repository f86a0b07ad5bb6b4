/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A root of files. */
#define _GNU_SOURCE
#include "fake_tree.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Every file's date until it is aged: a test that is slow to write its files makes none of them newer. */
#define WRITTEN_SECONDS 1700000000

static void file_date(const char *full, time_t seconds)
{
	const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

	assert_int_equal(utimensat(AT_FDCWD, full, times, 0), 0);
}

void fake_tree_make(struct fake_tree *fake)
{
	snprintf(fake->root, sizeof(fake->root), "/tmp/thaw-tree-XXXXXX");
	assert_non_null(mkdtemp(fake->root));
	fake->tree.root = fake->root;
}

static int entry_remove(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	return remove(path);
}

void fake_tree_remove(struct fake_tree *fake)
{
	assert_int_equal(nftw(fake->root, entry_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void path_make(const struct fake_tree *fake, const char *path, char path_out[TREE_PATH_BYTES])
{
	assert_true(tree_path(&fake->tree, path, path_out));
	for (char *slash = path_out + strlen(fake->root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		mkdir(path_out, 0755);
		*slash = '/';
	}
	unlink(path_out);
}

void fake_tree_put_bytes(const struct fake_tree *fake, const char *path, const void *bytes, size_t count)
{
	char full[TREE_PATH_BYTES];
	FILE *stream;

	path_make(fake, path, full);
	stream = fopen(full, "we");
	assert_non_null(stream);
	assert_int_equal(fwrite(bytes, 1, count, stream), count);
	assert_int_equal(fclose(stream), 0);
	file_date(full, WRITTEN_SECONDS);
}

void fake_tree_put(const struct fake_tree *fake, const char *path, const char *text)
{
	fake_tree_put_bytes(fake, path, text, strlen(text));
}

void fake_tree_link(const struct fake_tree *fake, const char *path, const char *target)
{
	char full[TREE_PATH_BYTES];

	path_make(fake, path, full);
	assert_int_equal(symlink(target, full), 0);
}

void fake_tree_drop(const struct fake_tree *fake, const char *path)
{
	char full[TREE_PATH_BYTES];

	assert_true(tree_path(&fake->tree, path, full));
	assert_int_equal(unlink(full), 0);
}

void fake_tree_age(const struct fake_tree *fake, const char *path, long seconds)
{
	char full[TREE_PATH_BYTES];

	assert_true(tree_path(&fake->tree, path, full));
	file_date(full, WRITTEN_SECONDS - seconds);
}
