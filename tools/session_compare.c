/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One device by each UUID is looked at: the one that udev names.
 */
#include "tools/session_compare.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/session_collect.h"
#include "tools/system_disk.h"

/* STATUS_NOT_FOUND: it is not there, or can't be read. */
static enum status state_find(const struct tree *tree, const char *uuid, struct page *page, struct ext_state *state_out)
{
	char name[UUID_TEXT_BYTES + sizeof("UUID=")];
	char device[SYSTEM_DEVICE_BYTES];
	char node[SESSION_NODE_BYTES];
	enum status status = STATUS_NOT_FOUND;
	int descriptor;

	snprintf(name, sizeof(name), "UUID=%s", uuid);
	if (!system_device_find(tree, name, device))
		return status;
	session_node(device, node);
	descriptor = session_open(tree, node, O_RDONLY);
	if (descriptor < 0)
		return status;
	if (pread(descriptor, page, sizeof(*page), 0) == (ssize_t)sizeof(*page))
		status = ext_state_read(page, state_out);
	close(descriptor);
	return status;
}

bool session_compare(const struct tree *tree, const struct session_record *record, FILE *stream)
{
	struct page *page = aligned_alloc(sizeof(struct page), sizeof(struct page));
	bool good = true;

	if (page == NULL)
		abort();
	for (uint32_t i = 0; i < record->count; i++) {
		const struct session_filesystem *filesystem = &record->filesystems[i];
		enum ext_change change = EXT_UNCHANGED;
		const char *text = "not found here, not compared";
		char uuid[UUID_TEXT_BYTES];
		struct ext_state now;

		if (!filesystem->is_checked)
			continue;
		uuid_format(filesystem->state.uuid, uuid);
		if (state_find(tree, uuid, page, &now) == STATUS_OK) {
			change = ext_state_compare(&filesystem->state, &now, filesystem->keeps_journal);
			text = ext_change_text(change);
		}
		if (stream != NULL)
			fprintf(stream, "filesystem   %s: %s\n", uuid, text);
		good &= change == EXT_UNCHANGED;
	}
	free(page);
	return good;
}
