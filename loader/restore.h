/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Restoring an image: reading, checking, placing, sealing. The only place where image/ and mm/ meet.
 */
#pragma once

#include "drivers/acpi.h"
#include "drivers/timer.h"
#include "image/core_format.h"
#include "include/boot_info.h"
#include "loader/find.h"
#include "loader/seal.h"
#include "mm/placement.h"

/*
 * Who looks how far it is. look is called soon after the clock has passed next_us, with so many of total pages in place
 * (0: not known yet), and may take its time; it calls idle(context) meanwhile, if there is one, so that what is in
 * flight is taken when it arrives. What it returns but STATUS_OK ends the restore.
 */
struct restore_watch {
	uint64_t next_us;
	enum status (*look)(struct restore_watch *watch, uint64_t done, uint64_t total, void (*idle)(void *context),
			    void *context);
};

/* What a restore works with. */
struct restore_job {
	const struct found_image *found;
	const struct boot_info *boot;
	struct arena *arena;
	const struct acpi_registers *acpi; /* NULL: the tables could not be read */
	struct restore_watch *watch;       /* or NULL */
	bool memory_map_relaxed;
	uint64_t entry; /* thaw.entry= */
	unsigned levels;
};

/* What it found out, for the log, the result record and bench. */
struct restore_result {
	uint64_t pages; /* with data */
	uint64_t zero_pages;
	uint64_t staged_pages;
	uint64_t bytes_read;
	uint64_t read_us;      /* from the first read to the last page in place */
	uint64_t waited_us;    /* of these: waiting for the disk with nothing else to do */
	uint64_t unpack_us;    /* … unpacking chunks */
	uint64_t check_us;     /* … computing the checksum */
	bool checked;          /* the image carried a checksum, and it was right */
	struct core_acpi acpi; /* of IMAGE_CORE: what the registers held */
};

/*
 * Reads the whole image into place and seals the plan. Until it returns STATUS_OK nothing outside the arena was
 * written but frames that the image claims and free frames; boot modules are intact either way, and no read is in
 * flight. *reason_out: static text, always written.
 * Errors: as design.md's reasons: STATUS_UNSUPPORTED, _MISMATCH, _CORRUPT, _IO_ERROR, _TIMEOUT, _NO_MEMORY,
 * and what job->watch returns.
 */
nodiscard enum status restore_image(const struct restore_job *job, struct sealed_plan *plan_out,
				    struct restore_result *result_out, const char **reason_out);

/* Cheap: for the loops. */
static inline bool restore_watch_is_due(const struct restore_watch *watch)
{
	return watch && timer_now_us() >= watch->next_us;
}
