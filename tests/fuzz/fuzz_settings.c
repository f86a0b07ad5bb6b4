/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host command reads as text: grub.cfg, settings, tables of procfs, the UEFI variable, dmsetup's tables. */
#include "tools/system.h"
#include "tools/words.h"
static char text[8192], word[64];
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct result_variable variable;
	static struct grub_cfg cfg;
	struct swap_line swaps[4];
	struct mount_line mount;
	__builtin_memcpy(__builtin_memset(text, 0, sizeof(text)), data, min_u64(size, sizeof(text) - 1));
	grub_cfg_read(text, &cfg);
	return grub_env_find(text, "a", word, sizeof(word)) + words_option(text, "b=", word, sizeof(word)) +
		       procfs_mount_of(text, "/c", &mount) + result_variable_read(data, size, &variable) +
		       (words_setting_find(text, "D", word, sizeof(word)) == WORDS_SET) +
		       system_volume_is_linear(text, word, sizeof(word)) + (int)procfs_swaps(text, swaps, 4) >
	       99;
}
