/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Switches GRUB's entry of Thaw on and off: GRUB_DISABLE_THAW in /etc/default/thaw, then a new grub.cfg. When that
 * fails both files are put back as they were.
 */
#pragma once

#include "tools/tree.h"

struct grub_switch {
	const struct tree *tree;
	bool (*update)(void *context); /* makes grub.cfg anew; false: said why not */
	void *context;
};

enum grub_switch_result {
	GRUB_SWITCH_DONE,
	GRUB_SWITCH_FAILED,    /* nothing is changed; said */
	GRUB_SWITCH_UNCERTAIN, /* the setting is made, but the menu does not show it, or could not be put back; said */
};

enum grub_switch_result grub_switch_set(const struct grub_switch *grub, bool on);
