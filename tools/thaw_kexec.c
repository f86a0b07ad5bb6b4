/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kexec_load(2) with KEXEC_PRESERVE_CONTEXT, reboot(2) with LINUX_REBOOT_CMD_KEXEC.
 */
#define _GNU_SOURCE
#include "tools/thaw_kexec.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/crc32.h"
#include "tools/thaw_say.h"

#define REGION_END (16 * MIB)

_Static_assert(ELF_PLAN_SEGMENTS_MAX == KEXEC_SEGMENT_MAX, "every plan can be loaded");

static bool contains(const struct elf_plan *plan, uint64_t address, uint64_t bytes)
{
	for (uint32_t i = 0; i < plan->count; i++) {
		const struct elf_plan_segment *segment = &plan->segments[i];

		if (address >= segment->start && address - segment->start < segment->end - segment->start)
			return bytes <= segment->end - address;
	}
	return false;
}

static bool symbols_find(struct kexec_program *program)
{
	struct elf_symbol entry;
	struct elf_symbol parameters;
	struct elf_symbol vmcoreinfo;

	if (elf_symbol_find(program->file, program->bytes, "thaw_save_entry", &entry) != STATUS_OK ||
	    elf_symbol_find(program->file, program->bytes, "thaw_save_parameters", &parameters) != STATUS_OK)
		return say_error(program->path, "it can't save: it is an earlier Thaw, or its symbols were stripped");
	if (parameters.bytes != sizeof(struct save_parameters))
		return say_error(program->path, "it is of another version than this command");
	if (!contains(&program->plan, entry.address, 1) ||
	    !contains(&program->plan, parameters.address, sizeof(struct save_parameters)))
		return say_error(program->path, "its symbols lie outside of what is loaded");
	if (elf_symbol_find(program->file, program->bytes, "thaw_save_vmcoreinfo", &vmcoreinfo) == STATUS_OK &&
	    vmcoreinfo.bytes >= SAVE_VMCOREINFO_MAX && contains(&program->plan, vmcoreinfo.address, vmcoreinfo.bytes))
		program->vmcoreinfo = vmcoreinfo.address;
	program->entry = entry.address;
	program->parameters = parameters.address;
	return true;
}

bool kexec_program_read(struct kexec_program *program, const char *path)
{
	const char *reason;

	*program = (struct kexec_program){.path = path};
	program->file = file_read(path, &program->bytes);
	if (program->file == NULL)
		return say_error(path, "%s", strerror(errno));
	if (elf_plan_make(program->file, program->bytes, &program->plan, &reason) != STATUS_OK)
		return say_error(path, "%s", reason);
	if (program->plan.start < MIB || program->plan.end > REGION_END)
		return say_error(path, "it does not lie between 1 and 16 MiB");
	return symbols_find(program);
}

void kexec_program_free(struct kexec_program *program)
{
	free(program->file);
	program->file = NULL;
}

/* What is put into the program's memory. */
struct patch {
	uint64_t address;
	const void *bytes;
	size_t count;
};

#define PATCHES 2

static bool patch_is_in(const struct patch *patch, const struct elf_plan_segment *segment)
{
	return patch->count != 0 && patch->address >= segment->start && patch->address < segment->end;
}

/* What the segment begins with: the file's part, longer where a patch lies behind it. */
static uint8_t *segment_bytes(const struct kexec_program *program, const struct elf_plan_segment *segment,
			      const struct patch patches[PATCHES], size_t *bytes_out)
{
	uint64_t bytes = segment->data_bytes;
	uint8_t *buffer;

	for (uint32_t i = 0; i < PATCHES; i++) {
		if (patch_is_in(&patches[i], segment))
			bytes = max_u64(bytes, patches[i].address - segment->start + patches[i].count);
	}
	buffer = pages_allocate(max_u64(bytes, 1));
	elf_plan_copy(program->file, program->bytes, segment, buffer);
	for (uint32_t i = 0; i < PATCHES; i++) {
		if (patch_is_in(&patches[i], segment))
			memcpy(buffer + (patches[i].address - segment->start), patches[i].bytes, patches[i].count);
	}
	*bytes_out = bytes;
	return buffer;
}

static bool load_failed(int error)
{
	switch (error) {
	case EPERM:
		return say_refusal("the kernel allows no kexec (kexec_load: %s)", strerror(error));
	case EINVAL:
		return say_refusal("the kernel can't do a kexec jump: it was built without CONFIG_KEXEC_JUMP "
				   "(kexec_load: %s)",
				   strerror(error));
	case ENOSYS:
		return say_refusal("the kernel was built without kexec_load (CONFIG_KEXEC)");
	case EBUSY:
		return say_refusal("another program is loading a kernel; try again");
	case ENOMEM:
		return say_refusal("there is not enough free memory to load Thaw");
	default:
		return say_refusal("Thaw can't be loaded (kexec_load: %s)", strerror(error));
	}
}

bool kexec_program_load(const struct kexec_program *program, struct save_parameters *parameters, const char *vmcoreinfo)
{
	struct kexec_segment segments[ELF_PLAN_SEGMENTS_MAX];
	const struct patch patches[PATCHES] = {
		{program->parameters, parameters, sizeof(*parameters)},
		{program->vmcoreinfo, vmcoreinfo, program->vmcoreinfo != 0 ? parameters->vmcoreinfo_bytes : 0},
	};
	const struct elf_plan *plan = &program->plan;
	int error = 0;

	parameters->crc32 = 0;
	parameters->crc32 = crc32_zlib(parameters, sizeof(*parameters));
	memset(segments, 0, sizeof(segments));
	for (uint32_t i = 0; i < plan->count; i++) {
		size_t bytes;

		segments[i].buf = segment_bytes(program, &plan->segments[i], patches, &bytes);
		segments[i].bufsz = bytes;
		segments[i].mem = (const void *)(uintptr_t)plan->segments[i].start;
		segments[i].memsz = plan->segments[i].end - plan->segments[i].start;
	}
	if (syscall(SYS_kexec_load, program->entry, (unsigned long)plan->count, segments,
		    (unsigned long)(KEXEC_PRESERVE_CONTEXT | KEXEC_ARCH_X86_64)) != 0)
		error = errno;
	for (uint32_t i = 0; i < plan->count; i++)
		free((void *)(uintptr_t)segments[i].buf);
	return error == 0 || load_failed(error);
}

void kexec_unload(void)
{
	syscall(SYS_kexec_load, 0ul, 0ul, NULL, (unsigned long)KEXEC_ARCH_X86_64);
}

int kexec_jump(void)
{
	return reboot(LINUX_REBOOT_CMD_KEXEC) == 0 ? 0 : errno;
}
