/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The setting, the menu, and the way back.
 */
#include "tools/grub_switch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/grub_cfg.h"
#include "tools/system.h"
#include "tools/thaw_say.h"
#include "tools/words.h"

#define SETTING           "GRUB_DISABLE_THAW"
#define SETTING_BYTES_MAX ((size_t)MIB)
#define CFG_BYTES_MAX     (16 * (size_t)MIB)
#define MODE_USUAL        0644
#define MODE_MASK         0777

static const char heading[] = "# Settings of Thaw: thaw-default(5). Changed by `thaw enable` and `thaw disable`.\n";

/* A file as it was before. */
struct kept {
	const char *path;
	char *text; /* NULL: it was not there */
	size_t bytes;
	mode_t mode;
};

static bool write_all(int descriptor, const char *text, size_t bytes)
{
	while (bytes > 0) {
		const ssize_t count = write(descriptor, text, bytes);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return false;
		text += count;
		bytes -= (size_t)count;
	}
	return true;
}

/* In one step: a power cut leaves the old or the new file. A symbolic link stays one. */
static bool file_replace(const struct tree *tree, const char *path, const char *text, size_t bytes, mode_t mode)
{
	char named[TREE_PATH_BYTES];
	char real[PATH_MAX];
	char fresh[PATH_MAX + 8];
	int descriptor;
	bool good;

	if (!tree_path(tree, path, named))
		return say_error(path, "%s", strerror(errno));
	if (realpath(named, real) == NULL) {
		if (errno != ENOENT)
			return say_error(path, "%s", strerror(errno));
		snprintf(real, sizeof(real), "%s", named);
	}
	snprintf(fresh, sizeof(fresh), "%s.new~", real);
	unlink(fresh);
	descriptor = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (descriptor < 0)
		return say_error(fresh, "%s", strerror(errno));
	good = write_all(descriptor, text, bytes) && fchmod(descriptor, mode) == 0 && fsync(descriptor) == 0;
	good &= close(descriptor) == 0;
	if (good && rename(fresh, real) == 0)
		return true;
	say_error(path, "%s", strerror(errno));
	unlink(fresh);
	return false;
}

/* False: it is there, but can't be read; said. */
static bool file_keep(const struct tree *tree, const char *path, size_t limit, struct kept *kept_out)
{
	char full[TREE_PATH_BYTES];
	struct stat status;

	*kept_out = (struct kept){.path = path, .mode = MODE_USUAL};
	kept_out->text = tree_read(tree, path, limit, &kept_out->bytes);
	if (kept_out->text == NULL)
		return errno == ENOENT || say_error(path, "%s", strerror(errno));
	if (tree_path(tree, path, full) && stat(full, &status) == 0)
		kept_out->mode = status.st_mode & MODE_MASK;
	return true;
}

static bool file_is_as_kept(const struct tree *tree, const struct kept *kept)
{
	size_t bytes;
	char *text = tree_read(tree, kept->path, CFG_BYTES_MAX, &bytes);
	const bool same = text == NULL
				  ? kept->text == NULL
				  : kept->text != NULL && bytes == kept->bytes && memcmp(text, kept->text, bytes) == 0;

	free(text);
	return same;
}

static bool file_put_back(const struct tree *tree, const struct kept *kept)
{
	char full[TREE_PATH_BYTES];

	if (file_is_as_kept(tree, kept))
		return true;
	if (kept->text != NULL)
		return file_replace(tree, kept->path, kept->text, kept->bytes, kept->mode);
	return tree_path(tree, kept->path, full) &&
	       (unlink(full) == 0 || errno == ENOENT || say_error(kept->path, "%s", strerror(errno)));
}

/* Does grub.cfg show the setting now? */
static bool menu_shows(const struct tree *tree, bool on)
{
	static struct grub_cfg cfg;
	size_t bytes;
	char *text = tree_read(tree, SYSTEM_GRUB_CFG, CFG_BYTES_MAX, &bytes);

	if (text == NULL)
		return say_error(SYSTEM_GRUB_CFG, "%s", strerror(errno));
	grub_cfg_read(text, &cfg);
	free(text);
	if (cfg.has_entry == on)
		return true;
	return say_refusal(on ? "GRUB's menu was made anew, but has no entry of Thaw: is Thaw's loader in /boot/thaw, "
				"and " SYSTEM_GENERATOR " there? See `thaw status`"
			      : "GRUB's menu was made anew, but still has an entry of Thaw");
}

static enum grub_switch_result change(const struct grub_switch *grub, bool on, const struct kept *settings,
				      const struct kept *menu)
{
	char *text = words_setting_replace(settings->text != NULL ? settings->text : heading, SETTING,
					   on ? "false" : "true");
	bool good = file_replace(grub->tree, settings->path, text, strlen(text), settings->mode);

	free(text);
	if (!good)
		return GRUB_SWITCH_FAILED;
	if (grub->update(grub->context))
		return menu_shows(grub->tree, on) ? GRUB_SWITCH_DONE : GRUB_SWITCH_UNCERTAIN;
	good = file_put_back(grub->tree, settings);
	good &= file_put_back(grub->tree, menu);
	if (good) {
		say_refusal("the settings and GRUB's menu are as they were before");
		return GRUB_SWITCH_FAILED;
	}
	return GRUB_SWITCH_UNCERTAIN;
}

enum grub_switch_result grub_switch_set(const struct grub_switch *grub, bool on)
{
	enum grub_switch_result result = GRUB_SWITCH_FAILED;
	struct kept settings;
	struct kept menu = {.text = NULL};

	if (file_keep(grub->tree, SYSTEM_DEFAULTS, SETTING_BYTES_MAX, &settings) &&
	    file_keep(grub->tree, SYSTEM_GRUB_CFG, CFG_BYTES_MAX, &menu)) {
		if (menu.text == NULL)
			say_error(SYSTEM_GRUB_CFG, "it is not there: this system is not booted by GRUB");
		else
			result = change(grub, on, &settings, &menu);
	}
	free(settings.text);
	free(menu.text);
	return result;
}
