/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `thaw save`, the part that changes something: memory made small, Thaw loaded, the anchor set to SAVING, the jump, and
 * what the anchor says of it afterwards. Between the jump and its return the machine may have been off.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/thaw_commands.h"
#include "tools/thaw_machine.h"
#include "tools/thaw_save.h"
#include "tools/thaw_say.h"

/* Changes the anchor's state only. */
static bool anchor_set(const struct save *save, const struct core_anchor *from, enum core_anchor_state state)
{
	struct core_anchor *anchor = pages_allocate(sizeof(*anchor));
	bool good;

	memcpy(anchor, from, sizeof(*anchor));
	anchor->state = state;
	core_anchor_seal(anchor);
	good = target_anchor_write(&save->target, anchor);
	free(anchor);
	return good;
}

/* Nothing of the target was touched: what it said before is true again, but that a session could be restored. */
static void anchor_put_back(const struct save *save)
{
	const enum core_anchor_state state = (enum core_anchor_state)save->anchor->state;
	const bool was_gone = state == CORE_ANCHOR_VALID || state == CORE_ANCHOR_SAVING;

	if (!anchor_set(save, save->anchor, was_gone ? CORE_ANCHOR_EMPTY : state))
		say_error(save->target.path, "its anchor still says that a save is under way; this does no harm");
}

/* In words for whoever called `thaw save`; Thaw's own messages are on its console. */
static const char *failure_text(enum status status)
{
	switch (status) {
	case STATUS_NO_MEMORY:
		return "the image was larger than the target or --max-size, or Thaw had too little memory";
	case STATUS_IO_ERROR:
	case STATUS_TIMEOUT:
		return "the disk reported an error";
	case STATUS_NOT_FOUND:
		return "Thaw did not find the target on any disk";
	case STATUS_AMBIGUOUS:
		return "Thaw found the target twice";
	case STATUS_UNSUPPORTED:
		return "Thaw does not support something of this machine";
	case STATUS_MISMATCH:
		return "the target is not where it was, or the machine's memory is not as Linux described it";
	case STATUS_CORRUPT:
	case STATUS_STALE:
		return "what Thaw was given, or wrote, contradicts itself";
	case STATUS_INVALID:
		return "Thaw was given something that it does not accept";
	case STATUS_OK:
	case STATUS_AGAIN:
	case STATUS_END:
	case STATUS_USER:
		break;
	}
	return "the reason is not known";
}

static uint64_t seconds_since(const struct timespec *start)
{
	struct timespec now;

	/* The wall clock: the others stood still. */
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec > start->tv_sec ? (uint64_t)(now.tv_sec - start->tv_sec) : 0;
}

static int restored_report(const struct core_anchor *anchor, uint64_t seconds)
{
	printf("restored: %" PRIu32 " pages (%" PRIu64 " MiB) in %" PRIu32 ".%03" PRIu32 " s; saved in %" PRIu32
	       ".%03" PRIu32 " s, away for %" PRIu64 ":%02" PRIu64 ":%02" PRIu64 "\n",
	       anchor->restore_pages, (uint64_t)anchor->restore_pages * PAGE_BYTES / MIB, anchor->restore_ms / 1000,
	       anchor->restore_ms % 1000, anchor->save_ms / 1000, anchor->save_ms % 1000, seconds / 3600,
	       seconds / 60 % 60, seconds % 60);
	return COMMAND_OK;
}

/* After the return: the anchor tells which of the two returns this is. */
static int report(const struct save *save, uint64_t seconds)
{
	struct core_anchor *anchor = pages_allocate(sizeof(*anchor));
	const char *path = save->options->path;
	const char *reason;
	int result = COMMAND_FAILED;

	if (target_anchor_read(&save->target, anchor, &reason) != STATUS_OK) {
		say_error(path, "%s", reason);
		free(anchor);
		return COMMAND_FAILED;
	}
	switch ((enum core_anchor_state)anchor->state) {
	case CORE_ANCHOR_SNAPSHOT:
		printf("saved: %" PRIu64 " MiB in %" PRIu32 ".%03" PRIu32 " s; the session goes on\n",
		       anchor->core_bytes / MIB, anchor->save_ms / 1000, anchor->save_ms % 1000);
		result = COMMAND_OK;
		break;
	case CORE_ANCHOR_USED:
		result = restored_report(anchor, seconds);
		break;
	case CORE_ANCHOR_FAILED:
		say_error(path, "not saved, and the session goes on: %s (%" PRIu32 ")",
			  failure_text((enum status)anchor->failure), anchor->failure);
		break;
	case CORE_ANCHOR_SAVING:
		say_error(path, "not saved, and the session goes on: Thaw came back without writing to the target, "
				"which it may not have found");
		anchor_put_back(save);
		break;
	case CORE_ANCHOR_VALID:
		/* The session runs: this must not be restored any more. */
		say_error(path, "the image is complete, but Thaw came back instead of switching off; it is void");
		if (!anchor_set(save, anchor, CORE_ANCHOR_EMPTY))
			say_error(path, "it could not be made void: do not restore it");
		break;
	case CORE_ANCHOR_EMPTY:
		say_error(path, "its anchor was made new meanwhile");
		break;
	}
	free(anchor);
	return result;
}

/* From here on nobody may end this program. */
static void signals_ignore(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP, SIGUSR1, SIGUSR2};

	for (size_t i = 0; i < ARRAY_COUNT(signals); i++)
		signal(signals[i], SIG_IGN);
}

static int jump(const struct save *save)
{
	struct timespec start;
	int result;
	int error;

	if (!anchor_set(save, save->anchor, CORE_ANCHOR_SAVING))
		return COMMAND_FAILED;
	printf("jumping\n");
	fflush(stdout);
	fflush(stderr);
	/* The kernel's jump does not; and what is dirty at the jump is lost if the image is. */
	sync();
	clock_gettime(CLOCK_REALTIME, &start);
	error = kexec_jump();
	target_cache_drop(&save->target);
	if (error == 0) {
		result = report(save, seconds_since(&start));
	} else {
		say_refusal("the kernel did not jump, and the session goes on: %s (its log says more)",
			    strerror(error));
		anchor_put_back(save);
		result = COMMAND_FAILED;
	}
	return result;
}

int save_jump(struct save *save)
{
	const uint64_t wanted = 2 * (save->program.plan.end - save->program.plan.start);
	const uint64_t reserve = machine_reserve_bytes();
	uint64_t free_bytes;
	int result;

	machine_caches_drop();
	free_bytes = machine_memory_free();
	if (free_bytes < wanted) {
		say_refusal("only %" PRIu64 " MiB of memory are free, %" PRIu64 " are needed to load Thaw",
			    free_bytes / MIB, wanted / MIB);
		return COMMAND_REFUSED;
	}
	if (!save_room_check(save, free_bytes > reserve ? free_bytes - reserve : 0, true) ||
	    !kexec_program_load(&save->program, save->parameters, save->vmcoreinfo))
		return COMMAND_REFUSED;
	signals_ignore();
	machine_free_memory_clear(reserve);
	result = jump(save);
	kexec_unload();
	return result;
}
