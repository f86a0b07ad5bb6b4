/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reasons in plain words.
 */
#include "loader/reasons.h"

#include "include/types.h"
#include "lib/string.h"

/* As whole texts, so that the linker keeps each once. */
#define LINUX_TRIES "It is still on the disk, as it was; Linux will now try to resume it"
#define REPORT      "please report it, with the log"

static const struct reason_words table[] = {
	{"resumed", "Thaw restored the session", NULL, NULL},
	{"no-image", "there was nothing to resume", NULL, NULL},
	{"noresume", "a normal start was asked for", NULL, NULL},
	{"user", "the resume was stopped by a key, and left to Linux", NULL, NULL},
	{"fresh", "the session was discarded by a key, for a fresh start", NULL, NULL},
	{"skipped", "the power-on before had neither resumed nor booted, so Thaw was left out", NULL, NULL},
	{"ambiguous", "there are several sessions or devices of one name, and nothing says which one is meant",
	 "It is still on the disk, as it was; Linux will now resume the one that its own resume= names",
	 "put resume= with the right device on the kernel's command line"},
	{"unsupported", "the session, its place or an option is of a kind that Thaw does not know", LINUX_TRIES,
	 "nothing; `thaw status` tells what is in the way"},
	{"mismatch", "memory or hardware is not as it was when the computer hibernated",
	 "It is still on the disk, but Linux will now try to resume it, and discard it if the change is in its way, "
	 "too. "
	 "To keep it, switch the computer off now and undo the change",
	 "undo the change: memory modules, firmware settings, or the disk in another computer"},
	{"corrupt", "what is on the disk contradicts itself or its checksum",
	 "It can't be restored whole. Thaw has left it as it was; Linux will look at it too, and most likely discard "
	 "it",
	 "check the disk (smartctl) and the memory; work that was not saved is probably lost"},
	{"stale", "a filesystem of the session was written to after it was hibernated",
	 "It is lost: to resume it would destroy what is on that filesystem. Linux will not resume it either",
	 "nothing; saved files are safe. Next time resume the session before another system is started"},
	{"io-error", "a disk reported errors or did not answer", LINUX_TRIES,
	 "check the disk and its cables (smartctl)"},
	{"no-memory", "the session needs more room than there is", LINUX_TRIES, REPORT},
	{"fault", "Thaw itself failed", LINUX_TRIES, REPORT},
};

const struct reason_words *reason_words_of(const char *reason)
{
	for (size_t i = 0; i < ARRAY_COUNT(table); i++)
		if (strcmp(table[i].reason, reason) == 0)
			return &table[i];
	return NULL;
}
