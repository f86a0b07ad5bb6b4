/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Thaw's policy, from the boot loader's hand-over to one of the two ways out: into the image, or into the normal
 * kernel.
 */
#include "loader/main.h"

#include "drivers/acpi.h"
#include "drivers/reset.h"
#include "drivers/timer.h"
#include "handoff/image.h"
#include "lib/log.h"
#include "loader/acpi_state.h"
#include "loader/benchmark.h"
#include "loader/console.h"
#include "loader/disks.h"
#include "loader/leave.h"
#include "loader/linux.h"
#include "loader/mark.h"
#include "loader/memory.h"
#include "loader/normal.h"
#include "loader/restore.h"
#include "loader/save.h"

/* For debuggers and tests: everything before this point is undone by a normal boot. */
__attribute__((noinline)) void thaw_stop_entry(void);
__attribute__((noinline)) void thaw_stop_seal(const struct sealed_plan *plan);

static const struct boot_info *boot;
static struct options options;
static struct loader_memory memory;
static struct block_registry registry;
static bool disks_usable; /* for reading the normal kernel */
static bool committed;    /* behind the mark */

void thaw_stop_entry(void)
{
	__asm__ volatile("");
}

void thaw_stop_seal(const struct sealed_plan *plan)
{
	__asm__ volatile("" : : "r"(plan));
}

/* The one word of design.md for each status. */
static const char *reason_of(enum status status)
{
	switch (status) {
	case STATUS_NOT_FOUND:
		return "no-image";
	case STATUS_AMBIGUOUS:
		return "ambiguous";
	case STATUS_UNSUPPORTED:
	case STATUS_INVALID:
		return "unsupported";
	case STATUS_MISMATCH:
		return "mismatch";
	case STATUS_CORRUPT:
		return "corrupt";
	case STATUS_NO_MEMORY:
		return "no-memory";
	case STATUS_OK:
	case STATUS_AGAIN:
	case STATUS_END:
	case STATUS_IO_ERROR:
	case STATUS_TIMEOUT:
		break;
	}
	return "io-error";
}

/* All disks, from a clean start: what was known of them, and all that the arena held with it, is forgotten. */
static enum status bring_up_disks(void)
{
	disks_quiesce_all(&registry);
	registry.count = 0;
	memory_restart(&memory);
	TRY(memory_map_ram(&memory, &boot->memory));
	disks_find(&registry, &memory.arena);
	disks_usable = true;
	return STATUS_OK;
}

static _Noreturn void boot_with(const char *reason)
{
	const struct normal_boot normal = {boot, &options, &registry, &memory, reason};

	if (options_name_kernel(&options) && !disks_usable && bring_up_disks() != STATUS_OK)
		log_line("no memory to bring the disks up");
	boot_normal(&normal);
}

static void log_unknown_word(void *context, const char *word)
{
	(void)context;
	log_line("option not understood: %s", word);
}

/* Consoles as the options say; without them as good as can be. */
static void start_consoles(void)
{
	memory_init(&memory);
	options_parse(boot->command_line, &options, log_unknown_word, NULL);
	console_init(&options, &boot->screen, &memory.reserve);
}

void loader_on_exception(const struct exception_frame *frame)
{
	static struct boot_info nothing;

	if (committed)
		machine_reset();
	disks_usable = false;
	if (!boot)
		boot = &nothing;
	if (!console_is_ready() && !save_is_active())
		start_consoles();
	console_speak_up();
	log_line("exception %lu, error %lx, at %lx, address %lx", frame->vector, frame->error_code, frame->rip,
		 frame->cr2);
	log_line("rax %016lx rbx %016lx rcx %016lx rdx %016lx", frame->rax, frame->rbx, frame->rcx, frame->rdx);
	log_line("rsi %016lx rdi %016lx rbp %016lx rsp %016lx", frame->rsi, frame->rdi, frame->rbp, frame->rsp);
	log_line("r8  %016lx r9  %016lx r10 %016lx r11 %016lx", frame->r8, frame->r9, frame->r10, frame->r11);
	log_line("r12 %016lx r13 %016lx r14 %016lx r15 %016lx", frame->r12, frame->r13, frame->r14, frame->r15);
	if (save_is_active())
		save_on_exception();
	boot_with("fault");
}

static _Noreturn void stop_uncertain(void)
{
	/* An USB keyboard needs its controller. */
	disks_quiesce_all(&registry);
	disks_restore_bus_masters();
	stop_with_screen("the disk does not say whether the image is marked used; the session may be lost",
			 "do not resume it by hand: start the normal kernel with noresume");
}

/* The firmware kept the machine: as it was before the mark, or else the truth. */
static _Noreturn void stay(const struct found_image *found, struct page scratch[2])
{
	console_speak_up();
	log_line("the firmware does not let go of the machine");
	if (mark_take_back(found, scratch) != MARK_UNCHANGED)
		stop_uncertain();
	committed = false;
	boot_with("io-error");
}

/* The mark, and then nothing that can fail but a firmware that keeps the machine. */
static _Noreturn void commit(const struct found_image *found, struct sealed_plan *plan,
			     const struct mark_result *result, struct page scratch[2])
{
	thaw_stop_seal(plan);
	switch (mark_image_used(found, result, scratch)) {
	case MARK_USED:
		break;
	case MARK_UNCHANGED:
		log_line("the image could not be marked used; it is as it was");
		boot_with("io-error");
	case MARK_UNKNOWN:
		stop_uncertain();
	}
	log_line("jump");
	committed = true;
	if (leave_machine(&registry) != STATUS_OK)
		stay(found, scratch);
	handoff_image_start(plan->frame);
}

static void log_restore(const struct restore_result *result)
{
	log_line("restored: %lu pages and %lu of zeroes in place, %lu staged; %lu MiB read in %lu ms; %s",
		 result->pages, result->zero_pages, result->staged_pages, result->bytes_read / MIB,
		 result->read_us / 1000, result->checked ? "checked" : "unchecked");
	log_line("times: %lu us in all; %lu waiting for the disk, %lu unpacking, %lu checking", result->read_us,
		 result->waited_us, result->unpack_us, result->check_us);
}

/* What the image's kernel does not do itself. */
static enum status restore_acpi(const struct found_image *found, const struct restore_result *result,
				const struct acpi_registers *acpi)
{
	if (found->kind == IMAGE_CORE)
		return acpi_state_restore(&result->acpi, acpi);
	return found->kind == IMAGE_SWSUSP && found->header.platform ? STATUS_OK : acpi_enable(acpi);
}

static _Noreturn void resume(const struct found_image *found, uint64_t start_us)
{
	struct restore_job job = {
		.found = found,
		.boot = boot,
		.arena = memory_image_arena(&memory),
		.memory_map_relaxed = options.memory_map_relaxed,
		.entry = options.resume.dump_entry,
		.levels = options.resume.dump_levels,
	};
	struct acpi_registers acpi;
	struct restore_result result = {0};
	struct mark_result marked;
	struct sealed_plan plan;
	const char *reason = "no room in the arena";
	enum status status;
	void *scratch;

	/* From here on the arena may be full, and later the other controllers are stopped. */
	disks_usable = false;
	if (acpi_read(&boot->memory, boot->rsdp, boot->rsdp_bytes, &acpi) == STATUS_OK)
		job.acpi = &acpi;
	status = arena_alloc(job.arena, 2 * sizeof(struct page), PAGE_BYTES, &scratch);
	if (status == STATUS_OK)
		status = restore_image(&job, &plan, &result, &reason);
	if (status != STATUS_OK) {
		log_line("refused: %s: %s", found->name, reason);
		boot_with(reason_of(status));
	}
	log_restore(&result);
	if (job.acpi && restore_acpi(found, &result, job.acpi) != STATUS_OK)
		log_line("ACPI does not switch on; the power button may not work");
	status = disks_quiesce_others(&registry, found->device);
	if (status != STATUS_OK) {
		log_line("the devices can't be silenced: %s", status_text(status));
		boot_with(reason_of(status));
	}
	marked = (struct mark_result){result.pages, (timer_now_us() - start_us) / 1000};
	if (console_cancelled())
		boot_with("user");
	leave_note(&marked);
	commit(found, &plan, &marked, scratch);
}

void loader_main(const struct boot_info *info, enum status info_status)
{
	static struct found_image found;
	struct resume_spec kernel_resume;
	const char *reason;
	bool kernel_noresume;
	uint64_t start_us;
	enum status status;

	boot = info;
	start_consoles();
	timer_init();
	if (info_status != STATUS_OK)
		stop_with_screen(status_text(info_status), "what the boot loader handed over can't be read");
	thaw_stop_entry();
	start_us = timer_now_us();
	options_parse_kernel(linux_command_line_find(boot, options_name_kernel(&options)), &kernel_resume,
			     &kernel_noresume);
	if (options.noresume || kernel_noresume)
		boot_with("noresume");
	status = bring_up_disks();
	if (status != STATUS_OK)
		boot_with(reason_of(status));
	status = find_image(&registry, &options.resume, &kernel_resume, &memory.arena, &found, &reason);
	if (status != STATUS_OK) {
		log_line("%s", reason);
		boot_with(reason_of(status));
	}
	if (console_cancelled())
		boot_with("user");
	if (options.benchmark) {
		benchmark_read(&found, boot, memory_image_arena(&memory));
		boot_with("noresume");
	}
	resume(&found, start_us);
}
