/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policy of the save role. Until the anchor says VALID the session is whole and goes on whatever happens; from then on
 * it must not.
 */
#include "loader/save.h"

#include "drivers/reset.h"
#include "drivers/timer.h"
#include "include/cpu.h"
#include "lib/crc32.h"
#include "lib/log.h"
#include "loader/acpi_state.h"
#include "loader/console.h"
#include "loader/disks.h"
#include "loader/memory.h"
#include "loader/options.h"
#include "loader/save_internal.h"

struct save_parameters thaw_save_parameters;
char thaw_save_vmcoreinfo[SAVE_VMCOREINFO_MAX];

static struct save save;
static struct loader_memory memory;
static struct block_registry registry;
static struct options options;
static bool active;
static bool valid; /* the anchor may say so: the session must not go on */

bool save_is_active(void)
{
	return active;
}

static void log_unknown_word(void *context, const char *word)
{
	(void)context;
	log_line("option not understood: %s", word);
}

/* --- the ways out ------------------------------------------------------------------------------------------------ */

static _Noreturn void session_goes_on(void)
{
	disks_quiesce_all(&registry);
	handoff_session_return(save.session);
}

static _Noreturn void end_here(void)
{
	disks_quiesce_all(&registry);
	if (save.parameters->action == SAVE_POWER_OFF) {
		acpi_power_off(&save.acpi);
		console_speak_up();
		log_line("save: the image is written, but the machine does not switch off; do that by hand");
		for (;;)
			cpu_halt();
	}
	machine_reset();
}

static _Noreturn void give_up(enum status status)
{
	log_line("save: %s; the session goes on", save.reason && *save.reason ? save.reason : status_text(status));
	if (save.device) {
		save.anchor->failure = (uint32_t)status;
		if (save_target_mark(&save, CORE_ANCHOR_FAILED) != STATUS_OK)
			log_line("save: the anchor can't be written");
	}
	session_goes_on();
}

void save_on_exception(void)
{
	if (valid)
		machine_reset();
	save.device = NULL; /* its driver may be what failed; the anchor says that a save began */
	session_goes_on();
}

/* --- the save ---------------------------------------------------------------------------------------------------- */

static enum status check_parameters(void)
{
	struct save_parameters *parameters = &thaw_save_parameters;
	const uint32_t crc32 = parameters->crc32;

	if (parameters->magic != SAVE_PARAMETERS_MAGIC || parameters->bytes != sizeof(*parameters))
		return save_refuse(&save, STATUS_INVALID, "the parameters are not those of this thaw.elf");
	parameters->crc32 = 0;
	if (crc32_zlib(parameters, sizeof(*parameters)) != crc32)
		return save_refuse(&save, STATUS_INVALID, "the checksum of the parameters is wrong");
	if (parameters->action > SAVE_RETURN || parameters->codec > CORE_LZ4 ||
	    parameters->memory_count > CORE_MEMORY_ENTRIES_MAX || parameters->vmcoreinfo_bytes > SAVE_VMCOREINFO_MAX)
		return save_refuse(&save, STATUS_INVALID, "the parameters make no sense");
	parameters->command_line[SAVE_COMMAND_LINE_BYTES - 1] = '\0';
	return STATUS_OK;
}

static enum status build_memory_map(void)
{
	static struct memory_range ranges[CORE_MEMORY_ENTRIES_MAX];
	const struct save_parameters *parameters = save.parameters;

	for (uint32_t i = 0; i < parameters->memory_count; i++) {
		const struct core_memory_entry *entry = &parameters->memory[i];

		if (entry->bytes > UINT64_MAX - entry->address)
			return save_refuse(&save, STATUS_INVALID, "the memory map makes no sense");
		ranges[i] = (struct memory_range){entry->address, entry->address + entry->bytes, entry->type};
	}
	return memory_map_build(ranges, parameters->memory_count, &save.map);
}

/* The screen's memory is no memory of the session's tables: our own first. */
static enum status start(void)
{
	static const struct boot_screen no_screen = {.kind = BOOT_SCREEN_NONE};

	memory_init(&memory);
	TRY(check_parameters());
	TRY(build_memory_map());
	TRY(memory_map_ram(&memory, &save.map));
	options_parse(save.parameters->command_line, &options, log_unknown_word, NULL);
	console_init(&options, &no_screen, &memory.reserve);
	timer_init();
	return STATUS_OK;
}

static enum status run(void)
{
	uint64_t start_us;
	const bool goes_on = save.parameters->action == SAVE_RETURN;

	save.acpi = save.parameters->acpi;
	acpi_state_record(&save.acpi);
	disks_find(&registry, save.arena);
	TRY(save_target_find(&save, &registry));
	save.room_bytes = arena_free_bytes(save.arena);
	if (options.benchmark)
		save_benchmark(&save);
	start_us = timer_now_us();
	TRY(save_memory_scan(&save));
	log_line("save: %lu of %lu pages hold anything", save.data.count, save.ram_pages);
	TRY(save_core_write(&save));
	save.anchor->could_write = save.parameters->could_write;
	save.anchor->save_ms = (uint32_t)((timer_now_us() - start_us) / 1000);
	log_line("save: %lu MiB written in %u ms", save.stored_bytes / MIB, save.anchor->save_ms);
	valid = !goes_on;
	return save_target_mark(&save, goes_on ? CORE_ANCHOR_SNAPSHOT : CORE_ANCHOR_VALID);
}

void save_session(const struct handoff_session *session)
{
	enum status status;

	active = true;
	/* A session that comes in twice without loading Thaw anew finds what the first time left. */
	valid = false;
	registry.count = 0;
	save = (struct save){0};
	save.session = session;
	save.parameters = &thaw_save_parameters;
	save.arena = &memory.arena;
	status = start();
	if (status == STATUS_OK)
		status = run();
	if (status != STATUS_OK && !valid)
		give_up(status);
	if (status != STATUS_OK) {
		/* Nobody knows what stands there: both going on and resuming would be one too many. */
		valid = save_target_mark(&save, CORE_ANCHOR_FAILED) != STATUS_OK;
		if (!valid)
			give_up(status);
		console_speak_up();
		log_line("save: the disk does not say whether the image is valid; the session ends here");
	}
	if (save.parameters->action == SAVE_RETURN)
		session_goes_on();
	end_here();
}
