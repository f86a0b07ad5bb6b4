/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text console on the screen that the boot loader left: VGA text or an RGB framebuffer.
 */
#pragma once

#include "include/boot_info.h"
#include "include/status.h"
#include "mm/arena.h"

/* Among the characters of screen_write: a full block, for bars. */
#define SCREEN_BLOCK '\x02'

/* Makes [base, base + bytes) of video memory accessible at its physical address (see drivers/driver.h). */
typedef enum status screen_map(struct paddr base, uint64_t bytes);

/*
 * Takes the screen as the console. Nothing is drawn yet: a framebuffer is cleared by the first write, text that
 * stands on a text screen is kept and scrolled up. The arena gives two bytes per character and is not rewound.
 * Errors: STATUS_NOT_FOUND (no screen), STATUS_UNSUPPORTED (a geometry, address or colour layout that contradicts
 * itself or that we can't draw on), STATUS_NO_MEMORY, and those of map.
 */
nodiscard enum status screen_init(const struct boot_screen *screen, struct arena *arena, screen_map *map);

/*
 * Shows size bytes of printable ASCII at the cursor. '\n' starts a new line, '\r' goes back to the start of the line
 * (so that it can be redrawn in place; a full line wraps only when one more character comes), '\t' goes to the next
 * multiple of 8; SCREEN_BLOCK is one; anything else looks like '?'. Without a screen it does nothing.
 */
void screen_write(const char *text, size_t size);

/* Characters per line, 0 without a screen: how long a line that is redrawn in place may be. */
uint32_t screen_columns(void);
