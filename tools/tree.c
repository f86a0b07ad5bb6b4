/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bounded reads below a root.
 */
#include "tools/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES  ((size_t)65536)
#define WHITE_SPACE " \t\r\n"

bool tree_path(const struct tree *tree, const char *path, char path_out[TREE_PATH_BYTES])
{
	if (snprintf(path_out, TREE_PATH_BYTES, "%s%s", tree->root, path) < TREE_PATH_BYTES)
		return true;
	errno = ENAMETOOLONG;
	return false;
}

/* The descriptor's bytes, at most limit. */
static char *descriptor_read(int descriptor, size_t limit, size_t *bytes_out)
{
	char *bytes = NULL;
	size_t done = 0;

	for (;;) {
		char *larger = realloc(bytes, done + READ_BYTES + 1);
		ssize_t count;

		if (larger == NULL)
			abort();
		bytes = larger;
		count = read(descriptor, bytes + done, READ_BYTES);
		if (count < 0 && errno == EINTR)
			continue;
		done += count > 0 ? (size_t)count : 0;
		if (count >= 0 && done > limit) {
			errno = EFBIG;
			count = -1;
		}
		if (count < 0) {
			const int fault = errno;

			free(bytes);
			errno = fault;
			return NULL;
		}
		if (count == 0)
			break;
	}
	bytes[done] = '\0';
	*bytes_out = done;
	return bytes;
}

char *tree_read(const struct tree *tree, const char *path, size_t limit, size_t *bytes_out)
{
	char full[TREE_PATH_BYTES];
	struct stat kind;
	int descriptor;
	char *bytes = NULL;
	int fault;

	if (!tree_path(tree, path, full))
		return NULL;
	/* A name may lead anywhere: a pipe would keep us waiting. */
	descriptor = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (descriptor < 0)
		return NULL;
	if (fstat(descriptor, &kind) == 0 && S_ISREG(kind.st_mode))
		bytes = descriptor_read(descriptor, limit, bytes_out);
	else
		errno = EINVAL;
	fault = errno;
	close(descriptor);
	errno = fault;
	return bytes;
}

bool tree_read_line(const struct tree *tree, const char *path, char *text_out, size_t capacity)
{
	size_t bytes;
	char *text = tree_read(tree, path, READ_BYTES, &bytes);

	if (text == NULL)
		return false;
	snprintf(text_out, capacity, "%s", text);
	free(text);
	bytes = strlen(text_out);
	while (bytes > 0 && strchr(WHITE_SPACE, text_out[bytes - 1]) != NULL)
		text_out[--bytes] = '\0';
	return true;
}

bool tree_read_number(const struct tree *tree, const char *path, uint64_t *value_out)
{
	char text[64];
	uint64_t value;
	char *end;

	if (!tree_read_line(tree, path, text, sizeof(text)))
		return false;
	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno != 0 || *text < '0' || *text > '9' || *end != '\0') {
		errno = EINVAL;
		return false;
	}
	*value_out = value;
	return true;
}

bool tree_exists(const struct tree *tree, const char *path)
{
	char full[TREE_PATH_BYTES];
	struct stat status;

	return tree_path(tree, path, full) && stat(full, &status) == 0;
}

bool tree_changed(const struct tree *tree, const char *path, int64_t *seconds_out)
{
	char full[TREE_PATH_BYTES];
	struct stat status;

	if (!tree_path(tree, path, full) || stat(full, &status) != 0)
		return false;
	*seconds_out = status.st_mtime;
	return true;
}

bool tree_link(const struct tree *tree, const char *path, char *text_out, size_t capacity)
{
	char full[TREE_PATH_BYTES];
	ssize_t length;

	if (!tree_path(tree, path, full))
		return false;
	length = readlink(full, text_out, capacity);
	if (length >= 0 && (size_t)length < capacity) {
		text_out[length] = '\0';
		return true;
	}
	if (length >= 0)
		errno = ENAMETOOLONG;
	return false;
}

bool tree_link_name(const struct tree *tree, const char *path, char *name_out, size_t capacity)
{
	char text[TREE_PATH_BYTES];
	const char *slash;
	const char *name;

	if (!tree_link(tree, path, text, sizeof(text)))
		return false;
	slash = strrchr(text, '/');
	name = slash != NULL ? slash + 1 : text;
	if (*name == '\0' || strlen(name) >= capacity) {
		errno = EINVAL;
		return false;
	}
	memcpy(name_out, name, strlen(name) + 1);
	return true;
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(((const struct tree_name *)a)->text, ((const struct tree_name *)b)->text);
}

size_t tree_list(const struct tree *tree, const char *path, struct tree_name *names_out, size_t capacity)
{
	char full[TREE_PATH_BYTES];
	const struct dirent *entry;
	size_t count = 0;
	DIR *stream = tree_path(tree, path, full) ? opendir(full) : NULL;

	if (stream == NULL)
		return 0;
	while (count < capacity && (entry = readdir(stream)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(names_out[count].text, sizeof(names_out[count].text), "%s", entry->d_name);
		count++;
	}
	closedir(stream);
	qsort(names_out, count, sizeof(*names_out), name_compare);
	return count;
}
