/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of a Debian machine on which Thaw would resume the next hibernation: BIOS, AHCI, a swap partition sda2.
 */
#pragma once

#include "fake_tree.h"

#define FAKE_SWAP_UUID "2d516af0-244b-5c0b-9557-10deee1b5991"
#define FAKE_ROOT_UUID "1d52656f-0dee-5397-a5a9-68d7a2e3949c"

void fake_debian_make(struct fake_tree *fake);

/* grub.cfg with these options of Thaw and these arguments of the kernel. */
void fake_debian_menu(const struct fake_tree *fake, const char *thaw_words, const char *kernel_words);

/* A disk or partition: its place in /sys/devices below the PCI root, its number. */
void fake_debian_device(const struct fake_tree *fake, const char *name, const char *place, const char *number);

/* The swap area becomes /swapfile, on sda1, whose first page is resume_offset. */
void fake_debian_swap_file(const struct fake_tree *fake, const char *resume_offset);
