/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The running kernel (Documentation/admin-guide/sysctl, Documentation/ABI/testing/sysfs-kernel-*) and the firmware's
 * tables as it shows them (/sys/firmware/acpi/tables, /sys/kernel/boot_params).
 */
#define _GNU_SOURCE
#include "tools/thaw_machine.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/save_parameters.h"
#include "lib/span.h"
#include "tools/acpi_fadt.h"
#include "tools/acpi_s5.h"
#include "tools/boot_params.h"
#include "tools/thaw_device.h"
#include "tools/thaw_say.h"

#define ACPI_TABLES  "/sys/firmware/acpi/tables"
#define KCORE_BYTES  (64 * KIB) /* more than its headers and notes */
#define CLEAR_CHUNK  (64 * MIB)
#define CLEAR_TIME_S 120

/* The line in a kernel's configuration, gzip'ed or not; grep and gzip are in every Debian. */
static enum machine_answer config_search(const char *reader, const char *path)
{
	char command[256];
	char line[256];
	enum machine_answer answer = MACHINE_UNKNOWN;
	bool has_lines = false;
	FILE *stream;

	if (access(path, R_OK) != 0)
		return MACHINE_UNKNOWN;
	snprintf(command, sizeof(command), "PATH=/usr/bin:/bin %s %s 2>/dev/null", reader, path);
	stream = popen(command, "re");
	if (stream == NULL)
		return MACHINE_UNKNOWN;
	while (fgets(line, sizeof(line), stream) != NULL) {
		has_lines |= strncmp(line, "CONFIG_X86_64=y", 15) == 0;
		if (strncmp(line, "CONFIG_KEXEC_JUMP=y", 19) == 0)
			answer = MACHINE_YES;
	}
	pclose(stream);
	return has_lines && answer == MACHINE_UNKNOWN ? MACHINE_NO : answer;
}

enum machine_answer machine_has_kexec_jump(const char **where_out)
{
	static char path[sizeof(((struct utsname *)0)->release) + 16];
	enum machine_answer answer = config_search("gzip -dc", "/proc/config.gz");
	struct utsname name;

	*where_out = "/proc/config.gz";
	if (answer != MACHINE_UNKNOWN || uname(&name) != 0)
		return answer;
	/* The name goes through a shell. */
	if (strspn(name.release, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-+_~") !=
	    strlen(name.release))
		return MACHINE_UNKNOWN;
	snprintf(path, sizeof(path), "/boot/config-%s", name.release);
	*where_out = path;
	return config_search("cat", path);
}

bool machine_forbids_kexec(const char **reason_out)
{
	char text[128];

	*reason_out = "the kernel is locked down (/sys/kernel/security/lockdown): it allows no kexec";
	if (file_read_text("/sys/kernel/security/lockdown", text, sizeof(text)) && strstr(text, "[none]") == NULL)
		return true;
	*reason_out = "kexec is switched off until the next boot (/proc/sys/kernel/kexec_load_disabled)";
	if (file_read_text("/proc/sys/kernel/kexec_load_disabled", text, sizeof(text)) && text[0] != '0')
		return true;
	*reason_out = "the kernel allows no further kexec (/proc/sys/kernel/kexec_load_limit_reboot)";
	return file_read_text("/proc/sys/kernel/kexec_load_limit_reboot", text, sizeof(text)) && text[0] == '0';
}

bool machine_memory_read(struct core_memory_entry *entries_out, uint32_t *count_out)
{
	static const char path[] = "/sys/kernel/boot_params/data";
	const char *reason;
	size_t bytes;
	uint8_t *data = file_read(path, &bytes);
	enum status status;

	if (data == NULL)
		return say_error(path, "%s", strerror(errno));
	status = boot_params_memory(data, bytes, entries_out, count_out, &reason);
	free(data);
	return status == STATUS_OK || say_error(path, "%s", reason);
}

static enum status s5_find_in(const char *name, struct acpi_s5 *s5_out)
{
	enum status status = STATUS_NOT_FOUND;
	char path[300];
	uint8_t *table;
	size_t bytes;

	snprintf(path, sizeof(path), ACPI_TABLES "/%s", name);
	table = file_read(path, &bytes);
	if (table != NULL)
		status = acpi_s5_find(table, bytes, s5_out);
	free(table);
	return status;
}

/* The DSDT, then the SSDTs. */
static bool s5_find(struct acpi_s5 *s5_out)
{
	bool found = s5_find_in("DSDT", s5_out) == STATUS_OK;
	DIR *stream = opendir(ACPI_TABLES);
	const struct dirent *entry;

	while (!found && stream != NULL && (entry = readdir(stream)) != NULL)
		found = strncmp(entry->d_name, "SSDT", 4) == 0 && s5_find_in(entry->d_name, s5_out) == STATUS_OK;
	if (stream != NULL)
		closedir(stream);
	return found;
}

bool machine_acpi_read(struct core_acpi *acpi_out, const char **s5_fault_out)
{
	static const char path[] = ACPI_TABLES "/FACP";
	enum status status = STATUS_NOT_FOUND;
	struct acpi_s5 s5;
	size_t bytes;
	uint8_t *table = file_read(path, &bytes);

	if (table == NULL)
		return say_error(path, "%s", strerror(errno));
	status = acpi_fadt_read(table, bytes, acpi_out);
	free(table);
	if (status != STATUS_OK)
		return say_error(path, "it is no FADT");
	if (s5_find(&s5)) {
		acpi_out->sleep_type_a = s5.type_a;
		acpi_out->sleep_type_b = s5.type_b;
	}
	if (acpi_can_power_off(acpi_out, s5_fault_out))
		*s5_fault_out = NULL;
	return true;
}

/* The named note's text; a failed span: there is none. */
static struct span note_find(struct span notes, const char *name)
{
	size_t at = 0;

	while (span_ok(&notes) && at + sizeof(Elf64_Nhdr) <= notes.size) {
		const uint32_t name_bytes = span_u32(&notes, at + offsetof(Elf64_Nhdr, n_namesz));
		const uint32_t text_bytes = span_u32(&notes, at + offsetof(Elf64_Nhdr, n_descsz));

		at += sizeof(Elf64_Nhdr);
		if (!span_has(&notes, at, name_bytes))
			break;
		if (name_bytes == strlen(name) + 1 && memcmp(notes.bytes + at, name, name_bytes) == 0)
			return span_part(&notes, at + align_up(name_bytes, 4), text_bytes);
		at += align_up(name_bytes, 4) + align_up(text_bytes, 4);
	}
	notes.failed = true;
	return notes;
}

/* In the head of an ELF core file. */
static struct span core_note_find(struct span core, const char *name)
{
	const uint64_t table = span_u64(&core, offsetof(Elf64_Ehdr, e_phoff));
	const uint32_t count = span_u16(&core, offsetof(Elf64_Ehdr, e_phnum));
	struct span text = {.failed = true};

	for (uint32_t i = 0; i < count && table < core.size && !span_ok(&text); i++) {
		const uint64_t at = table + i * sizeof(Elf64_Phdr);

		if (span_u32(&core, at + offsetof(Elf64_Phdr, p_type)) == PT_NOTE)
			text = note_find(span_part(&core, span_u64(&core, at + offsetof(Elf64_Phdr, p_offset)),
						   span_u64(&core, at + offsetof(Elf64_Phdr, p_filesz))),
					 name);
	}
	return text;
}

/* sysfs tells where the note is and how much room it has; how long its text is, only /proc/kcore's copy. */
bool machine_vmcoreinfo_read(uint64_t *address_out, char **text_out, uint32_t *bytes_out)
{
	static const uint64_t text_at = sizeof(Elf64_Nhdr) + 12; /* "VMCOREINFO", padded to 4 bytes */
	const int descriptor = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	uint8_t *head = pages_allocate(KCORE_BYTES);
	const ssize_t bytes = descriptor >= 0 ? pread(descriptor, head, KCORE_BYTES, 0) : 0;
	const struct span text = core_note_find(span_of(head, bytes > 0 ? (size_t)bytes : 0), "VMCOREINFO");
	char place[64];
	uint64_t address;
	bool found = file_read_text("/sys/kernel/vmcoreinfo", place, sizeof(place)) &&
		     sscanf(place, "%" SCNx64, &address) == 1 && address != 0 && span_ok(&text) && text.size != 0 &&
		     text.size <= SAVE_VMCOREINFO_MAX;

	if (found) {
		*text_out = malloc(text.size);
		found = *text_out != NULL;
	}
	if (found) {
		memcpy(*text_out, text.bytes, text.size);
		*bytes_out = (uint32_t)text.size;
		*address_out = address + text_at;
	}
	if (descriptor >= 0)
		close(descriptor);
	free(head);
	return found;
}

static uint64_t meminfo_bytes(const char *name)
{
	char text[8192];
	const char *line;
	uint64_t kibibytes = 0;

	if (!file_read_text("/proc/meminfo", text, sizeof(text)))
		return 0;
	line = strstr(text, name);
	if (line == NULL || sscanf(line + strlen(name), "%" SCNu64, &kibibytes) != 1)
		return 0;
	return kibibytes * KIB;
}

/* Pages that each CPU has in stock count as used in /proc/meminfo; after much was freed they are many. */
static uint64_t stock_bytes(void)
{
	size_t bytes;
	char *text = (char *)file_read("/proc/zoneinfo", &bytes);
	char *rest = text;
	uint64_t pages = 0;
	char *line;

	if (text == NULL)
		return 0;
	text[bytes - (bytes > 0)] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL) {
		uint64_t count;

		if (sscanf(line, " count: %" SCNu64, &count) == 1)
			pages += count;
	}
	free(text);
	return pages * PAGE_BYTES;
}

uint64_t machine_memory_free(void)
{
	return meminfo_bytes("MemFree:") + stock_bytes();
}

uint64_t machine_memory_available(void)
{
	return meminfo_bytes("MemAvailable:") + stock_bytes();
}

void machine_caches_drop(void)
{
	const int descriptor = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	sync();
	if (descriptor < 0 || write(descriptor, "3", 1) != 1)
		say_refusal("note: caches can't be dropped (/proc/sys/vm/drop_caches): the image will be larger");
	if (descriptor >= 0)
		close(descriptor);
}

uint64_t machine_reserve_bytes(void)
{
	char text[32];
	uint64_t minimum = 0;

	/* Above the watermark at which the kernel begins to swap. */
	if (!file_read_text("/proc/sys/vm/min_free_kbytes", text, sizeof(text)) ||
	    sscanf(text, "%" SCNu64, &minimum) != 1)
		minimum = 64 * 1024;
	return 3 * minimum * KIB + 16 * MIB;
}

/* Never returns. */
static void memory_fill(uint64_t reserve)
{
	const int descriptor = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	uint64_t room;

	/* If memory is short after all, this is what the kernel is to end. */
	if (descriptor < 0 || write(descriptor, "1000", 4) != 4)
		_exit(1);
	alarm(CLEAR_TIME_S);
	while ((room = meminfo_bytes("MemFree:")) > reserve + MIB) {
		const uint64_t bytes = min_u64(CLEAR_CHUNK, align_up((room - reserve) / 2, PAGE_BYTES));
		const void *memory =
			mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (memory == MAP_FAILED)
			break;
	}
	_exit(0);
}

void machine_free_memory_clear(uint64_t reserve)
{
	const pid_t child = fork();
	int status;

	if (child == 0)
		memory_fill(reserve);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
}
