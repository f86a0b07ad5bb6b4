/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One volume that may be the resume device: is it the one that is named, and does it hold an image.
 */
#include "loader/find_internal.h"

#include "image/core.h"
#include "image/kdump.h"

/* True when the volume's beginning must be known, besides the header of an image. */
static bool needs_content(const struct find_request *request, const struct logical_volume *logical)
{
	if (find_names_content(request))
		return true;
	/* Logical volumes are looked for on what is a physical volume. */
	return !logical && !find_names_partition(request) &&
	       (request->header_page != 0 || request->kind == RESUME_MAPPER);
}

static enum status look_at_content(const struct find_request *request, const struct volume *volume, struct page *page,
				   struct find_look *look)
{
	struct volume_content content;

	TRY(volume_identify(volume, page, &content));
	look->kind = content.kind;
	if (find_names_content(request))
		look->is_named = find_matches_identity(request, &content.identity);
	return STATUS_OK;
}

/* The anchor of a kexec jump's image. STATUS_NOT_FOUND: it is none, or there is no image behind it. */
static enum status check_anchor(const struct find_request *request, const struct volume *volume,
				const struct page *page, struct find_look *look)
{
	static struct core_anchor anchor;
	const char *reason;
	const enum status status =
		core_anchor_parse(page, request->header_page, volume_pages(volume), &anchor, &reason);

	if (status == STATUS_NOT_FOUND)
		return status;
	look->image_kind = IMAGE_CORE;
	look->reason = reason;
	TRY(status);
	if (anchor.state == CORE_ANCHOR_SNAPSHOT && request->allows_snapshot && anchor.could_write) {
		look->reason =
			"a snapshot of a session that could write to disks: what it wrote since would be destroyed";
		return STATUS_UNSUPPORTED;
	}
	if (anchor.state == CORE_ANCHOR_VALID || (anchor.state == CORE_ANCHOR_SNAPSHOT && request->allows_snapshot))
		return STATUS_OK;
	look->reason = anchor.state == CORE_ANCHOR_SNAPSHOT
			       ? "only a snapshot of a session that went on; thaw.snapshot is not given"
			       : "a place for images of kexec jumps, without an image";
	return STATUS_NOT_FOUND;
}

/* A dump says nothing of where to go on: it counts only if it was named for that. STATUS_NOT_FOUND: it does not. */
static enum status check_dump(const struct find_request *request, const struct page *page, struct find_look *look)
{
	const enum dump_kind kind = dump_identify(page);

	if (kind == DUMP_NONE)
		return STATUS_NOT_FOUND;
	look->image_kind = IMAGE_DUMP;
	look->reason = "";
	if (kind == DUMP_USED)
		look->reason = "a memory dump that was restored already";
	else if (!request->allows_dump)
		look->reason = "a memory dump, and no thaw.entry= that says where it goes on";
	else if (!find_names_one(request))
		look->reason = "a memory dump, but resume= does not name its device";
	return *look->reason ? STATUS_NOT_FOUND : STATUS_OK;
}

/* A page 0 that both begins a filesystem and carries an image was overwritten by one of the two since. */
static enum status check_header(const struct find_request *request, const struct volume *volume,
				const struct page *page, struct find_look *look)
{
	struct identity identity;
	enum status status = swsusp_header_parse(page, &look->header, &look->reason);

	look->image_kind = IMAGE_SWSUSP;
	if (status == STATUS_NOT_FOUND)
		status = check_anchor(request, volume, page, look);
	if (status == STATUS_NOT_FOUND && look->image_kind != IMAGE_CORE)
		status = check_dump(request, page, look);
	look->has_image = status != STATUS_NOT_FOUND;
	if (request->header_page == 0)
		look->kind = filesystem_identify(page, &identity);
	if (status == STATUS_NOT_FOUND && find_names_one(request) && filesystem_is_container(look->kind)) {
		look->reason = "the device that resume= names is a container (LUKS, LVM2), not a swap area";
		return STATUS_UNSUPPORTED;
	}
	/* An anchor's checksums are those of the whole page: nobody wrote to it since. */
	if (status == STATUS_OK && look->image_kind == IMAGE_CORE)
		look->kind = FILESYSTEM_UNKNOWN;
	if (status == STATUS_OK && request->header_page == 0 && look->kind != FILESYSTEM_UNKNOWN) {
		look->reason = "the page of the image also begins a filesystem";
		return STATUS_CORRUPT;
	}
	return status;
}

enum status find_look_at(const struct find_request *request, const struct volume *volume,
			 const struct logical_volume *logical, struct page *page, struct find_look *look_out)
{
	struct find_look look = {.image = STATUS_NOT_FOUND, .reason = ""};
	enum status status;

	look.is_named = request->kind != RESUME_MAPPER || (logical && find_matches_logical(request, logical));
	if (needs_content(request, logical))
		TRY(look_at_content(request, volume, page, &look));
	if (look.is_named) {
		status = volume_read(volume, request->header_page, page);
		if (status == STATUS_NOT_FOUND)
			look.reason = "the place of the image header is beyond the device";
		else if (status == STATUS_OK)
			look.image = check_header(request, volume, page, &look);
		else
			return status;
	}
	*look_out = look;
	return STATUS_OK;
}
