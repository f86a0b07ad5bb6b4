/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The checks of `thaw status`: kernel, lockdown, swap, disk, image, results.
 */
#include "tools/status_checks.h"

#include <inttypes.h>
#include <string.h>

#include "loader/reasons.h"
#include "tools/frame_map.h"
#include "tools/words.h"

#define SIZE_BYTES 32

/* The bitmap of frames must fit into the first 16 MiB, with everything else. */
#define BIOS_MEMORY_MAX (128 * GIB)

/* The worst that packing can do (kernel/power/swap.c, CMP_SIZE): 35 pages for 32. */
#define PACKED_PAGES 35
#define CHUNK_PAGES  32

static void kernel_check(const struct system_view *view, struct findings *findings)
{
	static const char check[] = "kernel";
	const char *mode = strchr(view->power_disk, '[');

	if (!view->has_power) {
		findings_add(findings, check, FINDING_UNKNOWN, "/sys/power/state can't be read");
		return;
	}
	if (!words_has(view->power_state, "disk") || strstr(view->power_disk, "[disabled]") != NULL) {
		findings_add(findings, check, FINDING_BLOCKED, "this kernel does not hibernate");
		if (words_has(view->command_line, "nohibernate") || words_has(view->command_line, "hibernate=no")) {
			findings->list[findings->count - 1].result = FINDING_PROBLEM;
			findings_advise(findings, "Take nohibernate (hibernate=no) off the kernel's command line.");
		} else {
			findings_advise(findings, "It is locked down (see below), or built without hibernation.");
		}
		return;
	}
	mode = mode != NULL ? mode + 1 : "?]";
	if (strncmp(mode, "test_resume]", 12) == 0) {
		findings_add(findings, check, FINDING_PROBLEM, "/sys/power/disk is set to test_resume");
		findings_advise(findings, "`echo platform > /sys/power/disk` or a reboot sets it back.");
	} else {
		findings_add(findings, check, FINDING_OK, "it hibernates, in mode %.*s", (int)strcspn(mode, "]"), mode);
	}
}

static void lockdown_check(const struct system_view *view, struct findings *findings)
{
	static const char check[] = "lockdown";

	if (view->secure_boot == ANSWER_YES) {
		findings_add(findings, check, FINDING_BLOCKED,
			     "Secure Boot is on: the firmware starts no Thaw, and kernels do not hibernate");
		findings_advise(findings, "Only with Secure Boot off (in the firmware's setup) could Thaw resume.");
	} else if (view->lockdown == ANSWER_YES) {
		findings_add(findings, check, FINDING_BLOCKED, "the kernel is locked down: it does not hibernate");
		findings_advise(findings, "Take lockdown= off its command line, if that is where it comes from.");
	} else if (view->secure_boot == ANSWER_UNKNOWN) {
		findings_add(findings, check, FINDING_UNKNOWN, "whether Secure Boot is on can't be read");
	} else {
		findings_add(findings, check, FINDING_OK, "%s, no lockdown",
			     view->is_uefi ? "Secure Boot is off" : "no Secure Boot");
	}
}

static void swap_check(const struct system_view *view, struct findings *findings)
{
	const struct system_area *area = &view->area;
	char size[SIZE_BYTES];
	char unused[SIZE_BYTES];

	if (!area->is_there) {
		findings_add(findings, "swap", FINDING_PROBLEM, "%s",
			     view->swap_count == 0 ? "no swap area is in use: there is no room for an image"
			     : view->kernel.is_given
				     ? "the device that the kernel hibernates to holds no swap area that is in use"
				     : "no swap area on a disk is in use");
		findings_advise(findings,
				"Make a swap partition about as large as memory, and put it into /etc/fstab.");
		return;
	}
	size_format(area->line.bytes, size, sizeof(size));
	size_format(area->line.bytes - area->line.used_bytes, unused, sizeof(unused));
	findings_add(findings, "swap", FINDING_OK, "the image would go to %s (%s%s%s), %s, %s unused", area->line.path,
		     area->line.is_file ? "a file on " : "a partition or volume",
		     area->line.is_file && area->filesystem[0] != '\0' ? area->filesystem : "",
		     area->line.is_file && area->filesystem[0] == '\0' ? "a filesystem" : "", size, unused);
	if (!area->line.is_file)
		return;
	if (area->offset_differs) {
		findings_add(findings, "swap", FINDING_PROBLEM,
			     "the file begins at page %" PRIu64 " of its device, but the kernel was told %" PRIu64,
			     area->offset, view->kernel.offset);
		findings_advise(findings, "Set resume_offset= to the first number; then `update-grub` and reboot.");
	} else if (!area->has_offset) {
		findings_add(findings, "swap", FINDING_UNKNOWN, "where the file begins on its device %s",
			     area->offset_needs_root
				     ? "is told to root only"
				     : "can't be told (Btrfs: `btrfs inspect-internal map-swapfile -r`)");
	}
}

/* The kernel needs room for what it aims at, packed as badly as can be; or for what it can't drop. */
static void size_check(const struct system_view *view, struct findings *findings)
{
	const uint64_t room = view->area.line.bytes - view->area.line.used_bytes;
	uint64_t wanted = view->memory_bytes - min_u64(view->memory_bytes, view->memory_free);
	const uint64_t least = view->memory_bytes - min_u64(view->memory_bytes, view->memory_available);
	char room_text[SIZE_BYTES];
	char wanted_text[SIZE_BYTES];

	if (!view->area.is_there || view->memory_bytes == 0)
		return;
	if (view->has_image_bytes)
		wanted = min_u64(wanted, max_u64(view->image_bytes, least));
	wanted = wanted / CHUNK_PAGES * PACKED_PAGES;
	size_format(room, room_text, sizeof(room_text));
	size_format(wanted, wanted_text, sizeof(wanted_text));
	if (room >= wanted) {
		findings_add(findings, "size", FINDING_OK, "an image of now would take at most %s", wanted_text);
	} else if (room >= least / CHUNK_PAGES * PACKED_PAGES) {
		findings_add(findings, "size", FINDING_WARNING, "an image of now may take %s, there are %s",
			     wanted_text, room_text);
		findings_advise(findings, "Make the swap area larger; or the kernel has to drop caches first.");
	} else {
		findings_add(findings, "size", FINDING_PROBLEM, "an image of now may take %s, there are only %s",
			     wanted_text, room_text);
		findings_advise(findings, "Make the swap area larger, or close programs before you hibernate.");
	}
}

static void disk_check(const struct system_view *view, struct findings *findings)
{
	const struct system_disk *disk = &view->disk;

	if (!view->area.is_there)
		return;
	if (view->area.device[0] == '\0') {
		findings_add(findings, "disk", FINDING_UNKNOWN, "the disk of %s is not known", view->area.line.path);
		return;
	}
	switch (disk->way) {
	case DISK_DRIVEN:
		findings_add(findings, "disk", FINDING_OK, "%s", disk->what);
		break;
	case DISK_UNKNOWN:
		findings_add(findings, "disk", FINDING_UNKNOWN, "%s: %s", disk->what, disk->fault);
		break;
	case DISK_CLOSED:
		findings_add(findings, "disk", FINDING_BLOCKED, "%s: %s", disk->what, disk->fault);
		break;
	}
	if (disk->advice != NULL)
		findings_advise(findings, "%s", disk->advice);
	if (!disk->is_volume || disk->way == DISK_CLOSED)
		return;
	if (view->volume_is_linear == ANSWER_YES) {
		findings_add(findings, "volume", FINDING_OK, "the logical volume is linear");
	} else if (view->volume_is_linear == ANSWER_NO) {
		findings_add(findings, "volume", FINDING_BLOCKED,
			     "the logical volume is of type %s; Thaw reads linear ones only", view->volume_kind);
		findings_advise(findings, "`lvconvert`, or a new linear volume for swap.");
	} else {
		findings_add(findings, "volume", FINDING_UNKNOWN,
			     "whether the logical volume is linear is told to root only");
	}
}

static void image_check(const struct system_view *view, struct findings *findings)
{
	const char *codec = view->compressor[0] != '\0' ? view->compressor : "lzo";
	char size[SIZE_BYTES];

	if (words_has(view->command_line, "hibernate=nocompress")) {
		findings_add(findings, "compression", FINDING_WARNING,
			     "images are not compressed: they carry no checksum, so a damaged one can't be told");
		findings_advise(findings, "Take hibernate=nocompress off the kernel's command line.");
	} else if (strcmp(codec, "lzo") == 0 || strcmp(codec, "lz4") == 0) {
		findings_add(findings, "compression", FINDING_OK, "%s", codec);
	} else {
		findings_add(findings, "compression", FINDING_PROBLEM,
			     "images are packed by %s, which Thaw can't unpack", codec);
		findings_advise(findings, "hibernate.compressor=lzo or lz4 on the kernel's command line.");
	}
	if (view->memory_bytes == 0)
		return;
	size_format(view->memory_bytes, size, sizeof(size));
	if (view->memory_bytes > BIOS_MEMORY_MAX) {
		findings_add(findings, "memory", FINDING_WARNING,
			     "%s: Thaw may not have room to account for so much, and would leave the image to Linux",
			     size);
	} else {
		findings_add(findings, "memory", FINDING_OK, "%s", size);
	}
}

/* Nothing went wrong when these are said. */
static bool status_is_harmless(const char *status)
{
	return strcmp(status, "no-image") == 0 || strcmp(status, "noresume") == 0 || strcmp(status, "user") == 0 ||
	       strcmp(status, "fresh") == 0 || strcmp(status, "resumed") == 0;
}

static void word_report(const char *check, const char *where, const char *status, struct findings *findings)
{
	const struct reason_words *words = reason_words_of(status);
	const enum finding_result result = status_is_harmless(status) ? FINDING_OK : FINDING_WARNING;

	if (words == NULL)
		findings_add(findings, check, result, "%s: %s", where, status);
	else if (words->advice == NULL)
		findings_add(findings, check, result, "%s: %s (%s)", where, status, words->what);
	else
		findings_add(findings, check, result, "%s: %s (%s; to do: %s)", where, status, words->what,
			     words->advice);
}

void status_check_results(const struct system_view *view, struct findings *findings)
{
	static const char check[] = "result";
	const uint32_t before = findings->count;

	if (view->booted_status[0] != '\0')
		word_report(check, "Thaw at this session's boot", view->booted_status, findings);
	if (view->has_variable)
		word_report(check, "Thaw at the last power-on", view->variable.status, findings);
	if (view->has_variable && view->variable.has_pages && view->variable.has_milliseconds)
		findings_add(findings, check, FINDING_OK, "it restored %" PRIu64 " pages in %" PRIu64 " ms",
			     view->variable.pages, view->variable.milliseconds);
	if (view->has_record == ANSWER_YES)
		findings_add(findings, check, FINDING_OK,
			     "the last resume by Thaw from this swap area: %" PRIu64 " pages in %" PRIu64 " ms",
			     view->record.pages, view->record.milliseconds);
	else if (view->has_record == ANSWER_UNKNOWN && view->area.is_there)
		findings_add(findings, check, FINDING_UNKNOWN,
			     "what the swap area says of resumes is told to root only");
	if (findings->count == before)
		findings_add(findings, check, FINDING_OK, "there is no word of Thaw from this or the last power-on");
}

void status_check(const struct system_view *view, struct findings *findings)
{
	kernel_check(view, findings);
	lockdown_check(view, findings);
	swap_check(view, findings);
	size_check(view, findings);
	disk_check(view, findings);
	status_check_location(view, findings);
	image_check(view, findings);
	status_check_grub(view, findings);
	status_check_results(view, findings);
}
