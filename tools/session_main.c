/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session-record: writes the record of this session's filesystems into the swap header where the kernel will put the
 * image, and takes it out again. A program of its own, because `thaw` never writes to a swap area. Of the header only
 * the record's 512 bytes of the boot area change, and only in a page that is a swap header and whose boot area holds
 * nothing else.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk/swap_area.h"
#include "tools/session_collect.h"
#include "tools/session_place.h"
#include "tools/session_words.h"
#include "tools/system.h"

enum { EXIT_TROUBLE = 1, EXIT_USAGE = 2 };

static const char usage[] =
	"usage: session-record write | erase | show [--root=DIRECTORY]\n"
	"\n"
	"  write   before a hibernation: record the mounted filesystems in the header of the swap area that the image\n"
	"          goes to, so that Thaw sees if another system wrote to one of them meanwhile\n"
	"  erase   afterwards, and at every boot: take the record out of all swap areas\n"
	"  show    print the records\n"
	"\n"
	"  --root  for tests: the system is below this directory\n"
	"\n"
	"Exit status: 0 done, 1 not done everywhere, 2 usage.\n";

/* The image of a session that still waits has another signature: its record stays. */
static bool place_write(const struct tree *tree, const struct session_place *place, const struct page *old,
			const struct session_record *record)
{
	struct page *page;
	bool good;

	if (!swap_area_is_plain(old))
		return session_say(place->node, "there is no swap area in use: nothing written");
	if (!session_record_has_room(old))
		return session_say(place->node, "the boot area holds something else: nothing written");
	page = session_page();
	*page = *old;
	session_record_encode(record, page);
	good = session_place_write(tree, place, old, page);
	free(page);
	return good;
}

static bool place_erase(const struct tree *tree, const struct session_place *place, const struct page *old,
			const struct session_record *record)
{
	struct session_record earlier;
	struct page *page;
	bool good;

	(void)record;
	if (!swap_area_is_plain(old) || session_record_decode(old, &earlier) == STATUS_NOT_FOUND)
		return true;
	page = session_page();
	*page = *old;
	session_record_erase(page);
	good = session_place_write(tree, place, old, page);
	free(page);
	return good;
}

static bool place_show(const struct tree *tree, const struct session_place *place, const struct page *old,
		       const struct session_record *record)
{
	(void)tree;
	(void)record;
	printf("swap area    %s, page %" PRIu64 "\n", place->node, place->offset / PAGE_BYTES);
	session_words_print(old, stdout);
	return true;
}

struct action {
	const char *name;
	bool (*run)(const struct tree *tree, const struct session_place *place, const struct page *old,
		    const struct session_record *record);
	bool everywhere; /* in all swap areas, not only where the next image goes */
};

static const struct action actions[] = {
	{"write", place_write, false},
	{"erase", place_erase, true},
	{"show", place_show, true},
};

static bool area_run(const struct tree *tree, const struct system_area *area, const struct action *action,
		     const struct session_record *record)
{
	struct session_place place = {.descriptor = -1};
	struct page *page;
	bool good;

	if (!session_place_open(tree, area, &place))
		return false;
	page = session_page();
	good = session_place_read(&place, page) && action->run(tree, &place, page, record);
	session_place_close(&place);
	free(page);
	return good;
}

static int action_run(const struct tree *tree, const struct action *action)
{
	static struct system_area areas[SYSTEM_SWAPS_MAX];
	const size_t count = system_read_areas(tree, action->everywhere, areas);
	struct session_record record = {.count = 0};
	const char *reason;
	bool good = true;

	if (strcmp(action->name, "write") == 0) {
		if (count == 0) {
			fprintf(stderr, "session-record: no swap area is in use where the kernel would look for it\n");
			return EXIT_TROUBLE;
		}
		if (!session_collect(tree, &record, &reason)) {
			fprintf(stderr, "session-record: nothing written: %s\n", reason);
			return EXIT_TROUBLE;
		}
	}
	for (size_t i = 0; i < count; i++)
		good &= area_run(tree, &areas[i], action, &record);
	return good ? EXIT_SUCCESS : EXIT_TROUBLE;
}

int main(int argc, char **argv)
{
	static const char root[] = "--root=";
	struct tree tree = {""};

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	}
	if (argc == 3 && strncmp(argv[2], root, strlen(root)) == 0)
		tree.root = argv[2] + strlen(root);
	for (size_t i = 0; (argc == 2 || *tree.root != '\0') && i < ARRAY_COUNT(actions); i++) {
		if (strcmp(argv[1], actions[i].name) == 0)
			return action_run(&tree, &actions[i]);
	}
	fputs(usage, stderr);
	return EXIT_USAGE;
}
