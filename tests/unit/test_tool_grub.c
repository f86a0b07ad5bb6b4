/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What grub.cfg and grubenv say, and switching the entry on and off. */
#include "tools/grub_cfg.h"
#include "tools/grub_switch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_tree.h"

/* As 06_thaw prints it. */
static const char entry[] =
	"### BEGIN /etc/grub.d/06_thaw ###\n"
	"if [ \"$grub_platform\" = \"pc\" ]; then\n"
	"\tif [ \"${boot_once}\" != \"true\" -a \"${recordfail}\" != \"1\" ]; then\n"
	"\t\tset default=thaw\n"
	"\tfi\n"
	"\tmenuentry 'Resume or start Debian' --class thaw --class os --id thaw {\n"
	"\t\tset thaw_try=1\n"
	"\t\tif save_env thaw_try; then\n"
	"\t\t\tif multiboot2 \"($thaw_root)\"'/boot/thaw/thaw.elf' 'resume=UUID=2d51' \"a b\" console=ttyS0,115200\n"
	"\t\t\tthen\n"
	"\t\t\t\tif module2 --nounzip '/boot/vmlinuz-6.12' kernel root=UUID=1 ro\n"
	"\t\t\t\tthen\n\t\t\t\t\tboot\n\t\t\t\tfi\n\t\t\tfi\n\t\tfi\n"
	"\t\techo 'Loading /boot/vmlinuz-6.12 ...'\n"
	"\t\tlinux '/boot/vmlinuz-6.12' ${thaw_status} root=UUID=1 ro\n"
	"\t\tboot\n"
	"\t}\n"
	"fi\n"
	"### END /etc/grub.d/06_thaw ###\n";

static const char others[] = "set default=\"0\"\n"
			     "menuentry 'Debian' --class os $menuentry_id_option 'gnulinux-simple-1' {\n"
			     "\tlinux /boot/vmlinuz-6.1 root=UUID=2 resume=UUID=3\n}\n";

static struct grub_cfg cfg;

static void the_entry_is_understood(void **state)
{
	char text[sizeof(entry) + sizeof(others)];

	(void)state;
	snprintf(text, sizeof(text), "%s%s", entry, others);
	grub_cfg_read(text, &cfg);
	assert_true(cfg.has_entry && cfg.is_default && cfg.is_guarded);
	assert_true(cfg.bios.is_there);
	assert_false(cfg.uefi.is_there);
	assert_string_equal(cfg.bios.path, "/boot/thaw/thaw.elf");
	assert_string_equal(cfg.bios.options, "resume=UUID=2d51 \"a b\" console=ttyS0,115200");
	assert_string_equal(cfg.kernel, "/boot/vmlinuz-6.12");
	assert_string_equal(cfg.kernel_arguments, "${thaw_status} root=UUID=1 ro");
}

static void other_entries_are_not_ours(void **state)
{
	(void)state;
	grub_cfg_read(others, &cfg);
	assert_false(cfg.has_entry || cfg.is_default || cfg.is_guarded || cfg.bios.is_there);
	assert_string_equal(cfg.kernel, "");
	grub_cfg_read("# set default=thaw\n#menuentry 'x' --id thaw {\n  # multiboot2 /thaw.elf\n# save_env thaw_try\n",
		      &cfg);
	assert_false(cfg.has_entry || cfg.is_default || cfg.is_guarded || cfg.bios.is_there);
	grub_cfg_read("", &cfg);
	assert_false(cfg.has_entry);
	grub_cfg_read("multiboot2 /boot/memtest.elf resume=UUID=1\n", &cfg);
	assert_false(cfg.bios.is_there);
}

static void uefi_lines_end_at_a_semicolon(void **state)
{
	(void)state;
	grub_cfg_read("if chainloader ($root)/boot/thaw/thawx64.efi resume=UUID=4 quiet; then boot; fi\n", &cfg);
	assert_true(cfg.uefi.is_there);
	assert_string_equal(cfg.uefi.path, "/boot/thaw/thawx64.efi");
	assert_string_equal(cfg.uefi.options, "resume=UUID=4 quiet");
	grub_cfg_read("chainloader /EFI/Microsoft/bootmgfw.efi\nchainloader\nif chainloader; then\n", &cfg);
	assert_false(cfg.uefi.is_there);
}

static void what_is_too_long_is_bounded(void **state)
{
	static char text[40000];
	size_t at = 0;

	(void)state;
	at += (size_t)snprintf(text, sizeof(text), "multiboot2 /thaw.elf");
	while (at < sizeof(text) - 100)
		at += (size_t)snprintf(text + at, sizeof(text) - at, " word%zu", at);
	grub_cfg_read(text, &cfg);
	assert_true(cfg.bios.is_there);
	assert_in_range(strlen(cfg.bios.options), GRUB_CFG_WORDS_BYTES - 20, GRUB_CFG_WORDS_BYTES - 1);
	memset(text, 'a', sizeof(text) - 1);
	memcpy(text, "multiboot2 (", 12);
	grub_cfg_read(text, &cfg);
	assert_false(cfg.bios.is_there);
}

static void the_environment_has_a_heading(void **state)
{
	char value[8];

	(void)state;
	assert_true(grub_env_find("# GRUB Environment Block\nthaw_try=1\n####", "thaw_try", value, sizeof(value)));
	assert_string_equal(value, "1");
	assert_true(grub_env_find("# GRUB Environment Block\nx=123456789\n", "x", value, sizeof(value)));
	assert_string_equal(value, "1234567");
	assert_false(grub_env_find("# GRUB Environment Block\nthaw_try2=1\n", "thaw_try", value, sizeof(value)));
	assert_false(grub_env_find("thaw_try=1\n", "thaw_try", value, sizeof(value)));
}

/* --- the switch -----------------------------------------------------------------------------------------------------
 */

#define DEFAULTS "/etc/default/thaw"
#define CFG      "/boot/grub/grub.cfg"

/* An update-grub. */
struct updater {
	struct fake_tree fake;
	bool fails;
	const char *makes; /* what it writes; NULL: nothing */
	uint32_t calls;
};

static bool update(void *context)
{
	struct updater *updater = context;

	updater->calls++;
	if (updater->makes != NULL)
		fake_tree_put(&updater->fake, CFG, updater->makes);
	return !updater->fails;
}

static void file_is(const struct updater *updater, const char *path, const char *expected)
{
	size_t bytes;
	char *text = tree_read(&updater->fake.tree, path, 65536, &bytes);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static enum grub_switch_result switch_set(struct updater *updater, bool on)
{
	const struct grub_switch grub = {&updater->fake.tree, update, updater};

	return grub_switch_set(&grub, on);
}

static int updater_make(void **state)
{
	static struct updater updater;

	updater = (struct updater){.makes = others};
	fake_tree_make(&updater.fake);
	fake_tree_put(&updater.fake, DEFAULTS, "# words\n#GRUB_DISABLE_THAW=false\nX=1\n");
	fake_tree_put(&updater.fake, CFG, entry);
	*state = &updater;
	return 0;
}

static int updater_remove(void **state)
{
	struct updater *updater = *state;

	fake_tree_remove(&updater->fake);
	return 0;
}

static void disable_and_enable(void **state)
{
	struct updater *updater = *state;

	assert_int_equal(switch_set(updater, false), GRUB_SWITCH_DONE);
	file_is(updater, DEFAULTS, "# words\nGRUB_DISABLE_THAW=true\nX=1\n");
	updater->makes = entry;
	assert_int_equal(switch_set(updater, true), GRUB_SWITCH_DONE);
	file_is(updater, DEFAULTS, "# words\nGRUB_DISABLE_THAW=false\nX=1\n");
	assert_int_equal(updater->calls, 2);
}

static void a_failure_puts_everything_back(void **state)
{
	struct updater *updater = *state;

	updater->fails = true;
	updater->makes = "half a men";
	assert_int_equal(switch_set(updater, false), GRUB_SWITCH_FAILED);
	file_is(updater, DEFAULTS, "# words\n#GRUB_DISABLE_THAW=false\nX=1\n");
	file_is(updater, CFG, entry);
}

static void a_failure_removes_what_was_not_there(void **state)
{
	struct updater *updater = *state;

	fake_tree_drop(&updater->fake, DEFAULTS);
	updater->fails = true;
	assert_int_equal(switch_set(updater, false), GRUB_SWITCH_FAILED);
	assert_false(tree_exists(&updater->fake.tree, DEFAULTS));
	file_is(updater, CFG, entry);
}

static void a_menu_that_does_not_follow_is_told(void **state)
{
	struct updater *updater = *state;

	assert_int_equal(switch_set(updater, true), GRUB_SWITCH_UNCERTAIN);
	updater->makes = entry;
	assert_int_equal(switch_set(updater, false), GRUB_SWITCH_UNCERTAIN);
}

static void without_grub_nothing_is_changed(void **state)
{
	struct updater *updater = *state;

	fake_tree_drop(&updater->fake, CFG);
	assert_int_equal(switch_set(updater, true), GRUB_SWITCH_FAILED);
	assert_int_equal(updater->calls, 0);
	file_is(updater, DEFAULTS, "# words\n#GRUB_DISABLE_THAW=false\nX=1\n");
}

static void a_link_to_the_settings_stays_one(void **state)
{
	struct updater *updater = *state;
	char link[64];

	fake_tree_put(&updater->fake, "/etc/default/real", "X=1\n");
	fake_tree_link(&updater->fake, DEFAULTS, "real");
	assert_int_equal(switch_set(updater, false), GRUB_SWITCH_DONE);
	assert_true(tree_link(&updater->fake.tree, DEFAULTS, link, sizeof(link)));
	file_is(updater, "/etc/default/real", "X=1\nGRUB_DISABLE_THAW=true\n");
}

#define SWITCH_TEST(function) cmocka_unit_test_setup_teardown(function, updater_make, updater_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_entry_is_understood),        cmocka_unit_test(other_entries_are_not_ours),
		cmocka_unit_test(uefi_lines_end_at_a_semicolon),  cmocka_unit_test(what_is_too_long_is_bounded),
		cmocka_unit_test(the_environment_has_a_heading),  SWITCH_TEST(disable_and_enable),
		SWITCH_TEST(a_failure_puts_everything_back),      SWITCH_TEST(a_failure_removes_what_was_not_there),
		SWITCH_TEST(a_menu_that_does_not_follow_is_told), SWITCH_TEST(without_grub_nothing_is_changed),
		SWITCH_TEST(a_link_to_the_settings_stays_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
