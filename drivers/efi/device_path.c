/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device paths. Nodes have any alignment: they are read byte by byte.
 */
#include "drivers/efi/device_path.h"

#include "lib/span.h"
#include "lib/string.h"

#define HEADER_BYTES sizeof(EFI_DEVICE_PATH)

/* A node's bytes; 0: it is the end, or impossible. */
static size_t node_bytes(const uint8_t *node)
{
	const size_t bytes =
		node[offsetof(EFI_DEVICE_PATH, Length)] | (size_t)node[offsetof(EFI_DEVICE_PATH, Length) + 1] << 8;

	return (node[0] & EFI_DP_TYPE_MASK) == END_DEVICE_PATH_TYPE || bytes < HEADER_BYTES ? 0 : bytes;
}

static bool is_end(const uint8_t *node)
{
	return (node[0] & EFI_DP_TYPE_MASK) == END_DEVICE_PATH_TYPE;
}

size_t efi_device_path_bytes(const EFI_DEVICE_PATH *path)
{
	const uint8_t *nodes = (const uint8_t *)path;
	size_t bytes = 0;
	size_t step;

	while (bytes < EFI_DEVICE_PATH_BYTES_MAX && (step = node_bytes(nodes + bytes)) > 0)
		bytes += step;
	return bytes < EFI_DEVICE_PATH_BYTES_MAX && is_end(nodes + bytes) ? bytes : 0;
}

size_t efi_device_path_file(const EFI_DEVICE_PATH *path, CHAR16 *text_out, size_t units)
{
	const uint8_t *nodes = (const uint8_t *)path;
	const size_t bytes = path ? efi_device_path_bytes(path) : 0;
	size_t length = 0;

	for (size_t at = 0; at < bytes; at += node_bytes(nodes + at)) {
		const uint8_t *node = nodes + at;

		if (node[0] != MEDIA_DEVICE_PATH || node[1] != MEDIA_FILEPATH_DP)
			continue;
		if (length > 0 && text_out[length - 1] != '\\' && length < units)
			text_out[length++] = '\\';
		for (size_t i = HEADER_BYTES; i + 1 < node_bytes(node) && (node[i] || node[i + 1]); i += 2) {
			if (length == units)
				return 0;
			text_out[length++] = (CHAR16)(node[i] | node[i + 1] << 8);
		}
	}
	return length;
}

static void put_node(uint8_t *node, uint8_t type, uint8_t subtype, size_t bytes)
{
	node[0] = type;
	node[1] = subtype;
	node[2] = (uint8_t)bytes;
	node[3] = (uint8_t)(bytes >> 8);
}

size_t efi_device_path_append_file(uint8_t *nodes, size_t bytes, size_t room, const char *file)
{
	const size_t units = strlen(file) + 1;
	const size_t file_bytes = HEADER_BYTES + 2 * units;

	if (bytes > room || file_bytes > UINT16_MAX || file_bytes + HEADER_BYTES > room - bytes)
		return 0;
	put_node(nodes + bytes, MEDIA_DEVICE_PATH, MEDIA_FILEPATH_DP, file_bytes);
	for (size_t i = 0; i < units; i++) {
		nodes[bytes + HEADER_BYTES + 2 * i] = (uint8_t)file[i];
		nodes[bytes + HEADER_BYTES + 2 * i + 1] = 0;
	}
	bytes += file_bytes;
	put_node(nodes + bytes, END_DEVICE_PATH_TYPE, END_ENTIRE_DEVICE_PATH_SUBTYPE, HEADER_BYTES);
	return bytes + HEADER_BYTES;
}
