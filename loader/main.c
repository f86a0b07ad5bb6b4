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
#include "loader/failure.h"
#include "loader/leave.h"
#include "loader/linux.h"
#include "loader/mark.h"
#include "loader/memory.h"
#include "loader/normal.h"
#include "loader/question.h"
#include "loader/restore_progress.h"
#include "loader/save.h"
#include "loader/session_check.h"

/* For debuggers and tests: everything before this point is undone by a normal boot. */
__attribute__((noinline)) void thaw_stop_entry(void);
__attribute__((noinline)) void thaw_stop_seal(const struct sealed_plan *plan);

static const struct boot_info *boot;
static struct options options;
static struct loader_memory memory;
static struct block_registry registry;
static bool disks_usable; /* for reading the normal kernel */
static bool committed;    /* behind the mark */
static struct found_image found;
static const char *refusal = ""; /* why it is not resumed */

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
	case STATUS_STALE:
		return "stale";
	case STATUS_CORRUPT:
		return "corrupt";
	case STATUS_NO_MEMORY:
		return "no-memory";
	case STATUS_USER:
		return "user";
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

	if (found.exists)
		failure_show(reason, refusal, options.wait_s);
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

static _Noreturn void refuse(enum status status, const char *why)
{
	refusal = why;
	boot_with(reason_of(status));
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
static _Noreturn void stay(struct page scratch[2])
{
	console_speak_up();
	log_line("the firmware does not let go of the machine");
	if (mark_take_back(&found, scratch) != MARK_UNCHANGED)
		stop_uncertain();
	committed = false;
	boot_with("io-error");
}

/* Returns when the image is marked used; result as of mark_image_used. */
static void mark_or_boot(const struct mark_result *result, struct page scratch[2])
{
	switch (mark_image_used(&found, result, scratch)) {
	case MARK_USED:
		return;
	case MARK_UNCHANGED:
		log_line("the image could not be marked used; it is as it was");
		refuse(STATUS_IO_ERROR, "the image could not be marked used");
	case MARK_UNKNOWN:
		stop_uncertain();
	}
}

/* The mark, and then nothing that can fail but a firmware that keeps the machine. */
static _Noreturn void commit(struct sealed_plan *plan, const struct mark_result *result, struct page scratch[2])
{
	thaw_stop_seal(plan);
	mark_or_boot(result, scratch);
	log_line("jump");
	committed = true;
	if (leave_machine(&registry) != STATUS_OK)
		stay(scratch);
	handoff_image_start(plan->frame);
}

/* What the user wants instead of a resume. Nothing is started afresh beside an image that could come back. */
static _Noreturn void obey(struct page scratch[2])
{
	if (question_answer() != ANSWER_FRESH)
		boot_with("user");
	mark_or_boot(NULL, scratch);
	log_line("the session is discarded");
	boot_with("fresh");
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
static enum status restore_acpi(const struct restore_result *result, const struct acpi_registers *acpi)
{
	if (found.kind == IMAGE_CORE)
		return acpi_state_restore(&result->acpi, acpi);
	return found.kind == IMAGE_SWSUSP && found.header.platform ? STATUS_OK : acpi_enable(acpi);
}

static _Noreturn void resume(uint64_t start_us)
{
	struct restore_job job = {
		.found = &found,
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
	if (status == STATUS_OK && question_on_escape(NULL, NULL) != ANSWER_GO_ON)
		obey(scratch);
	job.watch = restore_progress_begin();
	if (status == STATUS_OK)
		status = restore_image(&job, &plan, &result, &reason);
	if (status == STATUS_USER)
		obey(scratch);
	if (status != STATUS_OK) {
		log_line("refused: %s: %s", found.name, reason);
		refuse(status, reason);
	}
	restore_progress_end();
	log_restore(&result);
	if (job.acpi && restore_acpi(&result, job.acpi) != STATUS_OK)
		log_line("ACPI does not switch on; the power button may not work");
	status = disks_quiesce_others(&registry, found.device);
	if (status != STATUS_OK) {
		log_line("the devices can't be silenced: %s", status_text(status));
		refuse(status, "the devices can't be silenced");
	}
	if (question_on_escape(NULL, NULL) != ANSWER_GO_ON)
		obey(scratch);
	marked = (struct mark_result){result.pages, (timer_now_us() - start_us) / 1000};
	leave_note(&marked);
	commit(&plan, &marked, scratch);
}

/* On the disks that are up; if what is named is not there, on the others, too. */
static enum status look_for_image(const struct resume_spec *kernel, struct found_image *found_out,
				  const char **reason_out)
{
	enum status status;

	*reason_out = "no memory to bring the disks up";
	TRY(bring_up_disks());
	status = find_image(&registry, &options.resume, kernel, &memory.arena, found_out, reason_out);
	if (status != STATUS_NOT_FOUND || !find_names_nothing(*reason_out) || !disks_find_more())
		return status;
	log_line("%s; there are more disks", *reason_out);
	TRY(bring_up_disks());
	return find_image(&registry, &options.resume, kernel, &memory.arena, found_out, reason_out);
}

/* Likewise: a filesystem of the session that is not found may be there. */
static enum status check_session(const struct resume_spec *kernel, const char **reason_out)
{
	bool is_missing;
	enum status status = session_check(&registry, &found, &memory.arena, &is_missing, reason_out);

	if (status != STATUS_OK || !is_missing || !disks_find_more())
		return status;
	log_line("there are more disks");
	*reason_out = "no memory to bring the disks up";
	TRY(bring_up_disks());
	TRY(find_image(&registry, &options.resume, kernel, &memory.arena, &found, reason_out));
	return session_check(&registry, &found, &memory.arena, &is_missing, reason_out);
}

void loader_main(const struct boot_info *info, enum status info_status)
{
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
	status = look_for_image(&kernel_resume, &found, &reason);
	if (status == STATUS_OK)
		status = check_session(&kernel_resume, &reason);
	if (status != STATUS_OK) {
		log_line("%s", reason);
		if (status == STATUS_STALE)
			normal_forbid_resume(&found, &memory.arena);
		refuse(status, reason);
	}
	if (options.benchmark) {
		benchmark_read(&found, boot, memory_image_arena(&memory));
		boot_with("noresume");
	}
	resume(start_us);
}
