/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Do the kernel, the initramfs, the command line and GRUB look for the image in the same place?
 */
#include <inttypes.h>
#include <string.h>

#include "tools/status_checks.h"

#define ADVICE_NAME                                                                                                    \
	"Give all of them the same name, best UUID=…: RESUME= in /etc/initramfs-tools/conf.d/resume (then "          \
	"`update-initramfs -u`) or resume= in GRUB_CMDLINE_LINUX (then `update-grub`)."

/* How a place compares with the area. */
enum agreement { AGREES, ELSEWHERE, NOT_THERE, OTHER_OFFSET, UNDECIDED };

static enum agreement compare(const struct system_place *place, const struct system_area *area)
{
	const uint64_t offset = place->has_offset ? place->offset : 0;

	if (!place->is_found)
		return NOT_THERE;
	if (area->device[0] == '\0')
		return UNDECIDED;
	if (strcmp(place->device, area->device) != 0)
		return ELSEWHERE;
	if (!area->line.is_file)
		return offset == 0 ? AGREES : OTHER_OFFSET;
	if (!area->has_offset)
		return UNDECIDED;
	return offset == area->offset ? AGREES : OTHER_OFFSET;
}

static void offset_text(const struct system_place *place, char text_out[48])
{
	text_out[0] = '\0';
	if (place->has_offset && place->offset != 0)
		snprintf(text_out, 48, ", offset %" PRIu64, place->offset);
}

/* who: "the initramfs"; what it names is compared with the area. */
static void place_check(const char *check, const char *who, const struct system_place *place,
			const struct system_area *area, struct findings *findings)
{
	char offset[48];

	offset_text(place, offset);
	switch (compare(place, area)) {
	case AGREES:
		findings_add(findings, check, FINDING_OK, "%s looks at %s%s", who, place->text, offset);
		break;
	case ELSEWHERE:
		findings_add(findings, check, FINDING_PROBLEM,
			     "%s looks at %s%s, which is %s; the image would be on %s", who, place->text, offset,
			     place->device, area->device);
		findings_advise(findings, ADVICE_NAME);
		break;
	case NOT_THERE:
		findings_add(findings, check, FINDING_PROBLEM, "%s looks at %s, which is not there", who, place->text);
		findings_advise(findings, ADVICE_NAME);
		break;
	case OTHER_OFFSET:
		if (area->line.is_file)
			findings_add(findings, check, FINDING_PROBLEM,
				     "%s looks at %s%s, but the swap file begins at page %" PRIu64, who, place->text,
				     *offset != '\0' ? offset : " without an offset", area->offset);
		else
			findings_add(findings, check, FINDING_PROBLEM,
				     "%s looks at %s%s, but the image would be at its beginning", who, place->text,
				     offset);
		findings_advise(findings, "Set resume_offset= to that number, wherever resume= is set.");
		break;
	case UNDECIDED:
		findings_add(findings, check, FINDING_UNKNOWN, "%s looks at %s%s; whether that is right can't be told",
			     who, place->text, offset);
		break;
	}
}

static void initramfs_check(const struct system_view *view, struct findings *findings)
{
	static const char check[] = "initramfs";

	switch (view->initramfs_kind) {
	case INITRAMFS_UNKNOWN:
		findings_add(findings, check, FINDING_UNKNOWN,
			     "it is not made by initramfs-tools: what it looks at is not known here");
		break;
	case INITRAMFS_UNCLEAR:
		findings_add(findings, check, FINDING_UNKNOWN,
			     "RESUME= in /etc/initramfs-tools is not a plain text: only a shell can tell");
		break;
	case INITRAMFS_AUTO:
		findings_add(findings, check, FINDING_OK,
			     "RESUME= is not set: it looks at the swap area that it found when it was made");
		if (view->area.line.is_file && !view->booted.is_given) {
			findings_add(findings, check, FINDING_WARNING,
				     "RESUME= is not set, and a swap file is not found without");
			findings_advise(findings, "If Thaw leaves the image to Linux, Linux would not find it either.");
		}
		break;
	case INITRAMFS_NONE:
		findings_add(findings, check, FINDING_PROBLEM,
			     "RESUME=none: neither Linux nor Thaw looks for an image");
		findings_advise(findings, ADVICE_NAME);
		break;
	case INITRAMFS_PLACE: {
		struct system_place place = view->initramfs;

		/* The script in the initramfs takes the offset from the command line. */
		if (view->booted.has_offset) {
			place.has_offset = true;
			place.offset = view->booted.offset;
		}
		place_check(check, "it", &place, &view->area, findings);
		break;
	}
	}
}

static void kernel_check(const struct system_view *view, struct findings *findings)
{
	const struct system_place *kernel = &view->kernel;

	if (!kernel->is_given)
		findings_add(findings, "resume", FINDING_OK,
			     "/sys/power/resume names no device: the first swap area is taken");
	else
		place_check("resume", "the running kernel", kernel, &view->area, findings);
	if (view->booted.noresume) {
		findings_add(findings, "command-line", FINDING_WARNING,
			     "this session was booted with noresume (or hibernate=…); the next boot counts");
	} else if (view->booted.is_given) {
		place_check("command-line", "the command line", &view->booted, &view->area, findings);
	}
}

/* Its own options win over the kernel's, as in docs/finding-the-image.md. */
static void thaw_check(const struct system_view *view, struct findings *findings)
{
	static const char check[] = "thaw-resume";
	const struct system_grub *grub = &view->grub;
	struct system_place place = grub->thaw.is_given ? grub->thaw : grub->kernel;

	if (grub->is_readable != ANSWER_YES || !grub->cfg.has_entry)
		return;
	if (grub->thaw.noresume || grub->kernel.noresume) {
		findings_add(findings, check, FINDING_PROBLEM, "GRUB's entry says noresume: no image is resumed");
		findings_advise(findings,
				"Take noresume out of GRUB's settings, or RESUME=none out of the initramfs's; "
				"then `update-grub`.");
		return;
	}
	if (grub->thaw.has_offset) {
		place.has_offset = true;
		place.offset = grub->thaw.offset;
	}
	if (place.is_given) {
		place_check(check, "Thaw", &place, &view->area, findings);
	} else if (!view->area.line.is_file) {
		findings_add(findings, check, FINDING_OK, "Thaw is told no place: it searches all disks");
	} else {
		findings_add(findings, check, view->is_uefi ? FINDING_WARNING : FINDING_PROBLEM,
			     "Thaw is told no place, and an image in a swap file is not found by search%s",
			     view->is_uefi ? ", only by systemd's HibernateLocation" : "");
		findings_advise(findings, "Put resume=UUID=… of the filesystem and resume_offset=… into "
					  "GRUB_CMDLINE_LINUX; then `update-grub`.");
	}
}

void status_check_location(const struct system_view *view, struct findings *findings)
{
	if (!view->area.is_there)
		return;
	kernel_check(view, findings);
	initramfs_check(view, findings);
	thaw_check(view, findings);
}
