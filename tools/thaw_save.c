/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `thaw save`: options, and every check that comes before the jump.
 */
#include "tools/thaw_save.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tools/boot_params.h"
#include "tools/thaw_commands.h"
#include "tools/thaw_machine.h"
#include "tools/thaw_mounts.h"
#include "tools/thaw_say.h"

#define LOADER_PATH "/boot/thaw/thaw.elf"

static const char help[] =
	"usage: thaw save TARGET [options]\n"
	"\n"
	"  Writes this session to TARGET, which `thaw format` made, and switches the machine off; Thaw, started by\n"
	"  GRUB, brings the session back at the next power-on. Needs a kernel with CONFIG_KEXEC_JUMP.\n"
	"\n"
	"  --power-off               afterwards (the default), or\n"
	"  --reboot                  restart afterwards, or\n"
	"  --return                  go on: the image is a snapshot, for debugging, and is not restored by itself; if\n"
	"                            the session can write to disks, not at all\n"
	"  --compress=lz4|lzo|none   the image; lz4 is the default\n"
	"  --max-size=SIZE           of the image: 512M, 4G …\n"
	"  --kernel-loader=PATH      Thaw itself; /boot/thaw/thaw.elf is the default\n"
	"  --console=ttyS0,115200    where Thaw writes its messages; may be repeated (tty0: the screen)\n"
	"  --force                   also over a session that was not restored: it is lost\n"
	"  --dry-run                 only check, and say what would be done\n"
	"  --benchmark               Thaw first times a raw write to the target; see its messages\n"
	"\n"
	"Exit status: 0 the session was restored, or the snapshot is written; 1 it failed and the session goes on;\n"
	"2 refused: nothing was changed.\n";

static const struct {
	const char *name;
	enum core_codec codec;
} codecs[] = {{"lz4", CORE_LZ4}, {"lzo", CORE_LZO}, {"none", CORE_PLAIN}};

static const struct {
	const char *name;
	enum save_action action;
} actions[] = {{"--power-off", SAVE_POWER_OFF}, {"--reboot", SAVE_REBOOT}, {"--return", SAVE_RETURN}};

static bool action_parse(const char *word, enum save_action *action_out)
{
	for (size_t i = 0; i < ARRAY_COUNT(actions); i++) {
		if (strcmp(word, actions[i].name) == 0) {
			*action_out = actions[i].action;
			return true;
		}
	}
	return false;
}

static bool codec_parse(const char *word, enum core_codec *codec_out)
{
	for (size_t i = 0; i < ARRAY_COUNT(codecs); i++) {
		if (strcmp(word, codecs[i].name) == 0) {
			*codec_out = codecs[i].codec;
			return true;
		}
	}
	return say_error(word, "no such compression: lz4, lzo or none");
}

/* Appends a word to what Thaw gets as its options. */
static bool word_append(struct save_options *options, const char *name, const char *value)
{
	const size_t used = strlen(options->command_line);
	const size_t room = sizeof(options->command_line) - used;
	const int length = snprintf(options->command_line + used, room, "%s%s%s", used != 0 ? " " : "", name, value);

	return (length >= 0 && (size_t)length < room) || say_refusal("too many options for Thaw");
}

static bool console_append(struct save_options *options, const char *value)
{
	if (*value == '\0' || strpbrk(value, " \t\n\"") != NULL)
		return say_error(value, "not a console");
	return word_append(options, "console=", value);
}

/* True: the word was an option; *good_out: and a right one. */
static bool value_parse(const char *word, struct save_options *options, bool *good_out)
{
	const char *value;

	*good_out = true;
	if ((value = option_value(word, "--compress=")) != NULL)
		*good_out = codec_parse(value, &options->codec);
	else if ((value = option_value(word, "--max-size=")) != NULL)
		*good_out = size_parse(value, &options->max_bytes) || say_error(word, "not a size");
	else if ((value = option_value(word, "--console=")) != NULL)
		*good_out = console_append(options, value);
	else if ((value = option_value(word, "--kernel-loader=")) != NULL)
		options->loader = value;
	else if (strcmp(word, "--benchmark") == 0)
		*good_out = word_append(options, "thaw.benchmark", "");
	else
		return false;
	return true;
}

static bool options_parse(int argc, char **argv, struct save_options *options)
{
	uint32_t action_count = 0;

	*options = (struct save_options){.loader = LOADER_PATH, .codec = CORE_LZ4};
	for (int i = 0; i < argc; i++) {
		bool good;

		if (value_parse(argv[i], options, &good)) {
			if (!good)
				return false;
		} else if (action_parse(argv[i], &options->action)) {
			action_count++;
		} else if (strcmp(argv[i], "--force") == 0) {
			options->force = true;
		} else if (strcmp(argv[i], "--dry-run") == 0) {
			options->dry_run = true;
		} else if (argv[i][0] == '-' || options->path != NULL) {
			return say_error(argv[i], "not understood; see `thaw save --help`");
		} else {
			options->path = argv[i];
		}
	}
	if (action_count > 1)
		return say_refusal("--power-off, --reboot and --return exclude each other");
	if (options->path == NULL)
		return say_refusal("no target is named; see `thaw save --help`");
	return true;
}

static bool kernel_check(void)
{
	struct utsname name;
	const char *text;
	char loaded[4];

	if (geteuid() != 0)
		return say_refusal("only root can do this");
	if (uname(&name) != 0 || strcmp(name.machine, "x86_64") != 0)
		return say_refusal("this is not an x86-64 kernel");
	switch (machine_has_kexec_jump(&text)) {
	case MACHINE_YES:
		break;
	case MACHINE_NO:
		return say_refusal("this kernel (%s) was built without CONFIG_KEXEC_JUMP, says %s", name.release, text);
	case MACHINE_UNKNOWN:
		say_refusal("note: whether this kernel has CONFIG_KEXEC_JUMP is not known; loading Thaw will tell");
		break;
	}
	if (machine_forbids_kexec(&text))
		return say_refusal("%s", text);
	if (file_read_text("/sys/kernel/kexec_loaded", loaded, sizeof(loaded)) && loaded[0] == '1')
		say_refusal("note: the kernel that kexec has loaded is forgotten");
	return true;
}

static bool anchor_check(struct save *save)
{
	const char *path = save->options->path;
	const char *reason;

	if (target_anchor_read(&save->target, save->anchor, &reason) != STATUS_OK)
		return say_error(path, "%s", reason);
	if (save->anchor->state == CORE_ANCHOR_VALID && !save->options->force)
		return say_error(path, "it holds a session that was not restored; --force to lose it");
	if (!target_extents_equal(&save->target, save->anchor))
		return say_error(path, "its blocks are no longer where `thaw format` found them: format it again");
	return true;
}

/* RAM in pages that an image must hold if free_bytes are zeroes. */
static uint64_t image_pages(const struct save *save, uint64_t free_bytes)
{
	const struct save_parameters *parameters = save->parameters;
	const uint64_t ram = boot_params_ram_pages(parameters->memory, parameters->memory_count,
						   save->program.plan.start, save->program.plan.end);
	const uint64_t clear = free_bytes / PAGE_BYTES;

	return ram > clear ? ram - clear : 0;
}

static uint64_t room_pages(const struct save *save)
{
	const uint64_t pages = save->anchor->target_pages;
	const uint64_t max_bytes = save->options->max_bytes;

	return max_bytes != 0 ? min_u64(pages, max_bytes / PAGE_BYTES) : pages;
}

bool save_room_check(const struct save *save, uint64_t free_bytes, bool is_final)
{
	const bool packed = save->options->codec != CORE_PLAIN;
	const uint64_t plain = image_pages(save, free_bytes);
	const uint64_t wanted = packed ? plain / 2 : plain;
	const uint64_t room = room_pages(save);

	if (is_final || save->options->dry_run)
		printf("about %" PRIu64 " MiB of RAM are in use%s: %" PRIu64 " MiB%s, room for %" PRIu64 " MiB\n",
		       plain * PAGE_BYTES / MIB, is_final ? "" : " at least", wanted * PAGE_BYTES / MIB,
		       packed ? " if compression halves it" : "", room * PAGE_BYTES / MIB);
	if (wanted <= room)
		return true;
	if (room < save->anchor->target_pages)
		return say_refusal("the image would have about %" PRIu64 " MiB, more than --max-size",
				   wanted * PAGE_BYTES / MIB);
	return say_error(save->options->path,
			 "the image would have about %" PRIu64 " MiB, there is room for %" PRIu64 "%s",
			 wanted * PAGE_BYTES / MIB, room * PAGE_BYTES / MIB, packed ? "" : "; --compress=lz4 may help");
}

/* Its own place is out of Thaw's sight where Thaw's own memory has taken it: then a copy must do, if there is room. */
static void vmcoreinfo_read(struct save *save)
{
	const struct elf_plan *plan = &save->program.plan;
	struct save_parameters *parameters = save->parameters;
	uint64_t address = 0;
	const bool is_known = machine_vmcoreinfo_read(&address, &save->vmcoreinfo, &parameters->vmcoreinfo_bytes);
	const bool is_hidden = address < plan->end && address + parameters->vmcoreinfo_bytes > plan->start;

	if (is_known && save->program.vmcoreinfo != 0)
		address = save->program.vmcoreinfo;
	else if (!is_known || is_hidden)
		address = 0;
	if (address == 0) {
		say_refusal("note: Thaw can't be told the kernel's VMCOREINFO: crash will not read the image");
		parameters->vmcoreinfo_bytes = 0;
	}
	parameters->vmcoreinfo = address;
}

/* Restoring such a snapshot would destroy what the session has written since. */
static void disks_check(struct save *save)
{
	char name[MOUNT_NAME_BYTES];

	if (save->options->action != SAVE_RETURN || !mounts_write_to_disks(name))
		return;
	save->parameters->could_write = 1;
	say_refusal("note: the session can write to disks (%s): the snapshot serves debugging and can't be restored",
		    name);
}

/* The machine's part of the parameters. */
static bool parameters_read(struct save *save)
{
	struct save_parameters *parameters = save->parameters;
	const char *fault;

	if (!machine_memory_read(parameters->memory, &parameters->memory_count) ||
	    !machine_acpi_read(&parameters->acpi, &fault))
		return false;
	if (save->options->action == SAVE_POWER_OFF && fault != NULL)
		return say_refusal("Thaw can't switch this machine off: %s; use --reboot", fault);
	vmcoreinfo_read(save);
	disks_check(save);
	return true;
}

static void parameters_fill(struct save *save)
{
	struct save_parameters *parameters = save->parameters;

	parameters->magic = SAVE_PARAMETERS_MAGIC;
	parameters->bytes = sizeof(*parameters);
	parameters->action = save->options->action;
	parameters->codec = save->options->codec;
	memcpy(parameters->target_uuid, save->anchor->uuid, sizeof(parameters->target_uuid));
	parameters->partition_start = save->target.device.start;
	parameters->anchor_page = save->target.extents.anchor_page;
	parameters->max_bytes = align_down(save->options->max_bytes, PAGE_BYTES);
	memcpy(parameters->command_line, save->options->command_line, sizeof(parameters->command_line));
}

bool save_prepare(struct save *save, const struct save_options *options)
{
	*save = (struct save){.options = options, .target.descriptor = -1};
	save->anchor = pages_allocate(sizeof(*save->anchor));
	save->parameters = pages_allocate(sizeof(*save->parameters));
	if (!kernel_check() || !kexec_program_read(&save->program, options->loader) ||
	    !target_open(&save->target, options->path) || !anchor_check(save) || !parameters_read(save))
		return false;
	parameters_fill(save);
	return save_room_check(save, machine_memory_available(), false);
}

void save_free(struct save *save)
{
	kexec_program_free(&save->program);
	target_close(&save->target);
	free(save->anchor);
	free(save->parameters);
	free(save->vmcoreinfo);
}

static void plan_print(const struct save *save)
{
	const struct save_parameters *parameters = save->parameters;
	const struct core_acpi *acpi = &parameters->acpi;

	printf("Thaw: %s, entry %#" PRIx64 ", parameters at %#" PRIx64 ", %#" PRIx64 "-%#" PRIx64 "\n",
	       save->program.path, save->program.entry, save->program.parameters, save->program.plan.start,
	       save->program.plan.end);
	printf("target: partition %s from byte %" PRIu64 ", anchor in page %" PRIu64 ", %" PRIu64 " pages\n",
	       save->target.device.name, parameters->partition_start, parameters->anchor_page,
	       save->anchor->target_pages);
	printf("ACPI: PM1 event %#x %#x, control %#x %#x, GPE %#x %#x, SMI %#x, S5 %#x %#x\n", acpi->pm1a_event,
	       acpi->pm1b_event, acpi->pm1a_control, acpi->pm1b_control, acpi->gpe0, acpi->gpe1, acpi->smi_command,
	       acpi->sleep_type_a, acpi->sleep_type_b);
	printf("memory map: %" PRIu32 " entries; VMCOREINFO: %" PRIu32 " bytes at %#" PRIx64 "\n",
	       parameters->memory_count, parameters->vmcoreinfo_bytes, parameters->vmcoreinfo);
	printf("then: %s; options: %s\n", actions[parameters->action].name + 2, parameters->command_line);
}

int thaw_save(int argc, char **argv)
{
	struct save_options options;
	int result = COMMAND_REFUSED;
	struct save save;

	if (command_wants_help(argc, argv, help))
		return COMMAND_OK;
	if (!options_parse(argc, argv, &options))
		return COMMAND_REFUSED;
	if (save_prepare(&save, &options)) {
		if (options.dry_run) {
			plan_print(&save);
			result = COMMAND_OK;
		} else {
			result = save_jump(&save);
		}
	}
	save_free(&save);
	return result;
}
