/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this system says of the next hibernation and of the last one: read once, below a root, then judged by
 * tools/status_checks.c. Nothing is written.
 */
#pragma once

#include "include/types.h"
#include "tools/grub_cfg.h"
#include "tools/procfs.h"
#include "tools/result_record.h"
#include "tools/system_disk.h"

#define SYSTEM_TEXT_BYTES  256
#define SYSTEM_LINE_BYTES  4096
#define SYSTEM_SWAPS_MAX   16
#define SYSTEM_GRUB_CFG    "/boot/grub/grub.cfg"
#define SYSTEM_GRUBENV     "/boot/grub/grubenv"
#define SYSTEM_DEFAULTS    "/etc/default/thaw"
#define SYSTEM_GENERATOR   "/etc/grub.d/06_thaw"
#define SYSTEM_BIOS_LOADER "/boot/thaw/thaw.elf"
#define SYSTEM_UEFI_LOADER "/boot/thaw/thawx64.efi"

enum answer { ANSWER_UNKNOWN, ANSWER_NO, ANSWER_YES };

/* Where somebody says that the image is. */
struct system_place {
	bool is_given;                /* a device is named */
	char text[SYSTEM_TEXT_BYTES]; /* as it is named */
	bool is_found;                /* it is there now */
	char device[SYSTEM_DEVICE_BYTES];
	bool has_offset;
	uint64_t offset; /* pages */
	bool noresume;
};

/* The swap area that the next image goes to. */
struct system_area {
	bool is_there;
	struct swap_line line;
	char device[SYSTEM_DEVICE_BYTES]; /* that it lies on: "": unknown */
	char filesystem[32];              /* of a swap file */
	bool has_offset;
	uint64_t offset;        /* of a swap file: where its first page is, in pages of the device */
	bool offset_needs_root; /* why there is none */
	bool offset_differs;    /* from the kernel's */
};

enum initramfs_resume {
	INITRAMFS_UNKNOWN, /* not made by initramfs-tools */
	INITRAMFS_AUTO,    /* nothing is set: the swap area that was there when the initramfs was made */
	INITRAMFS_NONE,
	INITRAMFS_PLACE,
	INITRAMFS_UNCLEAR,
};

struct system_grub {
	enum answer is_readable; /* ANSWER_NO: there is none */
	struct grub_cfg cfg;
	bool is_stale;              /* older than a setting that it is made from */
	struct system_place thaw;   /* Thaw's own options */
	struct system_place kernel; /* the entry's kernel */
	enum answer generator;
	char disabled_by[64]; /* the file that switches the entry off; "": none */
	enum answer has_environment;
	bool was_tried;          /* thaw_try: the next power-on leaves Thaw out */
	bool has_next_entry;     /* the next power-on boots another entry */
	enum answer clears_note; /* the unit is installed and not masked */
};

struct system_view {
	bool is_root;
	bool is_uefi;
	enum answer secure_boot;
	enum answer lockdown;
	bool has_power; /* /sys/power/state could be read */
	char power_state[128];
	char power_disk[128]; /* "": the kernel has no hibernation */
	char compressor[32];  /* "": this kernel has no choice */
	bool has_image_bytes;
	uint64_t image_bytes;  /* the kernel's aim */
	uint64_t memory_bytes; /* 0: unknown */
	uint64_t memory_free, memory_available;
	char command_line[SYSTEM_LINE_BYTES];
	struct swap_line swaps[SYSTEM_SWAPS_MAX];
	size_t swap_count;
	struct system_area area;
	struct system_disk disk; /* of the area; valid when area.device is known */
	enum answer volume_is_linear;
	char volume_kind[32];
	struct system_place kernel; /* /sys/power/resume */
	struct system_place booted; /* /proc/cmdline */
	enum initramfs_resume initramfs_kind;
	struct system_place initramfs;
	struct system_grub grub;
	enum answer loader; /* the one for this firmware is installed */
	const char *loader_path;
	/* Results. */
	char booted_status[RESULT_WORD_BYTES]; /* thaw.status=; "": none */
	bool has_variable;
	struct result_variable variable;
	enum answer has_record; /* ANSWER_UNKNOWN: only root is told */
	struct result_record record;
};

/* runs: programs of this system may be asked, too (dmsetup); only for the root "". */
void system_read(const struct tree *tree, bool runs, struct system_view *view_out);

/* The part of it that is about results: booted_status, variable, area, record. */
void system_read_results(const struct tree *tree, struct system_view *view_out);

/*
 * The swap areas on disks, each where it lies; returns their number. all: every one; else those that the next image may
 * go to: the one that the kernel was told, or all when it was told none.
 */
size_t system_read_areas(const struct tree *tree, bool all, struct system_area areas_out[SYSTEM_SWAPS_MAX]);

/* The part about GRUB and the settings; needs is_uefi. Private to tools/system*.c. */
void system_read_grub(const struct tree *tree, struct system_view *view);

/* Finds the device of a place whose text is set. Private to tools/system*.c. */
void system_place_set(const struct tree *tree, const char *text, struct system_place *place);

/* resume=, resume_offset=, noresume of a command line. Private to tools/system*.c. */
void system_place_of_words(const struct tree *tree, const char *words, struct system_place *place_out);
