/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What GRUB, its settings and the attempt guard say.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/options.h"
#include "tools/system.h"
#include "tools/words.h"

#define CFG_BYTES_MAX     (16 * (size_t)MIB)
#define SETTING_BYTES_MAX ((size_t)MIB)
#define ENV_BYTES_MAX     ((size_t)65536)
#define FILES_MAX         64

static void word_ignore(void *context, const char *word)
{
	(void)context;
	(void)word;
}

void system_place_of_words(const struct tree *tree, const char *words, struct system_place *place_out)
{
	static struct options options;
	char text[SYSTEM_TEXT_BYTES];

	/* The loader's own reading of them. */
	options_parse(words, &options, word_ignore, NULL);
	*place_out = (struct system_place){
		.noresume = options.noresume,
		.has_offset = options.resume.has_offset,
		.offset = options.resume.offset_pages,
	};
	if (words_option(words, "resume=", text, sizeof(text)) && *text != '\0')
		system_place_set(tree, text, place_out);
}

/* The last of these files that sets GRUB_DISABLE_THAW wins, as in 06_thaw. */
static void disabled_take(const struct tree *tree, const char *path, struct system_grub *grub)
{
	char value[32];
	size_t bytes;
	char *text = tree_read(tree, path, SETTING_BYTES_MAX, &bytes);

	if (text == NULL)
		return;
	if (words_setting_find(text, "GRUB_DISABLE_THAW", value, sizeof(value)) == WORDS_SET) {
		grub->disabled_by[0] = '\0';
		if (strcmp(value, "true") == 0)
			snprintf(grub->disabled_by, sizeof(grub->disabled_by), "%s", path);
	}
	free(text);
}

static void stale_take(const struct tree *tree, const char *path, struct system_grub *grub)
{
	int64_t made;
	int64_t changed;

	if (tree_changed(tree, SYSTEM_GRUB_CFG, &made) && tree_changed(tree, path, &changed))
		grub->is_stale |= changed > made;
}

static void settings_read(const struct tree *tree, struct system_grub *grub)
{
	static struct tree_name names[FILES_MAX];
	const size_t count = tree_list(tree, "/etc/default/grub.d", names, FILES_MAX);
	char path[TREE_PATH_BYTES];

	disabled_take(tree, "/etc/default/grub", grub);
	stale_take(tree, "/etc/default/grub", grub);
	for (size_t i = 0; i < count; i++) {
		const size_t length = strlen(names[i].text);

		if (length < 4 || strcmp(names[i].text + length - 4, ".cfg") != 0)
			continue;
		snprintf(path, sizeof(path), "/etc/default/grub.d/%s", names[i].text);
		disabled_take(tree, path, grub);
		stale_take(tree, path, grub);
	}
	disabled_take(tree, SYSTEM_DEFAULTS, grub);
	stale_take(tree, SYSTEM_DEFAULTS, grub);
	stale_take(tree, SYSTEM_GENERATOR, grub);
	grub->generator = tree_exists(tree, SYSTEM_GENERATOR) ? ANSWER_YES : ANSWER_NO;
}

static void environment_read(const struct tree *tree, struct system_grub *grub)
{
	char value[128];
	size_t bytes;
	char *text = tree_read(tree, SYSTEM_GRUBENV, ENV_BYTES_MAX, &bytes);

	grub->has_environment = text != NULL ? ANSWER_YES : errno == ENOENT ? ANSWER_NO : ANSWER_UNKNOWN;
	if (text == NULL)
		return;
	grub->was_tried = grub_env_find(text, "thaw_try", value, sizeof(value)) && strcmp(value, "1") == 0;
	grub->has_next_entry = grub_env_find(text, "next_entry", value, sizeof(value)) && *value != '\0';
	free(text);
}

/* Nothing else takes the note of an attempt away again. */
static enum answer unit_find(const struct tree *tree)
{
	static const char *const directories[] = {"/usr/lib/systemd/system", "/lib/systemd/system",
						  "/usr/local/lib/systemd/system", "/etc/systemd/system"};
	char path[TREE_PATH_BYTES];
	char link[TREE_PATH_BYTES];

	if (tree_link(tree, "/etc/systemd/system/thaw-try.service", link, sizeof(link)) &&
	    strcmp(link, "/dev/null") == 0)
		return ANSWER_NO;
	for (size_t i = 0; i < ARRAY_COUNT(directories); i++) {
		snprintf(path, sizeof(path), "%s/sysinit.target.wants/thaw-try.service", directories[i]);
		if (tree_exists(tree, path) || tree_link(tree, path, link, sizeof(link)))
			return ANSWER_YES;
	}
	return ANSWER_NO;
}

void system_read_grub(const struct tree *tree, struct system_view *view)
{
	struct system_grub *grub = &view->grub;
	const struct grub_start *start = view->is_uefi ? &grub->cfg.uefi : &grub->cfg.bios;
	size_t bytes;
	char *text = tree_read(tree, SYSTEM_GRUB_CFG, CFG_BYTES_MAX, &bytes);

	grub->is_readable = text != NULL ? ANSWER_YES : errno == ENOENT ? ANSWER_NO : ANSWER_UNKNOWN;
	if (text != NULL) {
		grub_cfg_read(text, &grub->cfg);
		system_place_of_words(tree, start->options, &grub->thaw);
		system_place_of_words(tree, grub->cfg.kernel_arguments, &grub->kernel);
		free(text);
	}
	settings_read(tree, grub);
	environment_read(tree, grub);
	grub->clears_note = unit_find(tree);
}
