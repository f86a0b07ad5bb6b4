/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The normal kernel from a disk: only when it is needed, straight to where it runs.
 */
#pragma once

#include "include/block.h"
#include "include/boot_info.h"
#include "loader/linux.h"
#include "loader/options.h"

/*
 * Finds the files that options->kernel and options->initrds name (the first filesystem with their UUID counts) and
 * reads them to RAM above 16 MiB and below 4 GiB, clear of all boot modules; nothing else of memory changes but the
 * arena, which keeps what *files_out points to.
 *
 * Errors, with *reason_out (static text, always written): STATUS_NOT_FOUND (no such filesystem or file),
 * STATUS_UNSUPPORTED (a filesystem or kernel that Thaw does not read), STATUS_CORRUPT, STATUS_IO_ERROR,
 * STATUS_TIMEOUT, STATUS_NO_MEMORY.
 */
nodiscard enum status kernel_files_read(const struct block_registry *registry, const struct options *options,
					const struct boot_info *boot, struct arena *arena,
					struct linux_files *files_out, const char **reason_out);
