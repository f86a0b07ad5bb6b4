/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plain kexec-jump image is an ELF core to others: binutils' readelf shows its segments and notes and has no
 * warnings.
 */
#include "image/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core_image.h"

/* What readelf prints of the file, standard error too, blanks squeezed; it must end so. */
static const char *readelf(const char *path, int exit_status)
{
	static char text[16384];
	char command[200];
	size_t length = 0;
	FILE *pipe;
	int c;

	snprintf(command, sizeof(command), "LC_ALL=C readelf -W -h -l -n %s 2>&1", path);
	pipe = popen(command, "r"); // NOLINT(cert-env33-c): the path is the test's own
	assert_non_null(pipe);
	while ((c = fgetc(pipe)) != EOF && length < sizeof(text) - 1)
		if (c != ' ' || (length != 0 && text[length - 1] != ' '))
			text[length++] = (char)c;
	text[length] = '\0';
	assert_int_equal(WEXITSTATUS(pclose(pipe)), exit_status);
	return text;
}

static void expect(const char *text, const char *line)
{
	if (strstr(text, line) == NULL)
		print_error("no \"%s\" in\n%s", line, text);
	assert_non_null(strstr(text, line));
}

/* Has readelf look at the image as a file. */
static const char *show(const struct core_image *image, int exit_status)
{
	char path[] = "/tmp/thaw-core-XXXXXX";
	const int descriptor = mkstemp(path);
	FILE *file;
	const char *text;

	assert_true(descriptor >= 0);
	file = fdopen(descriptor, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(image->header, 1, image->header_bytes, file), image->header_bytes);
	assert_int_equal(fwrite(image->stored, PAGE_BYTES, image->stored_pages, file), image->stored_pages);
	assert_int_equal(fclose(file), 0);
	text = readelf(path, exit_status);
	unlink(path);
	return text;
}

static void readelf_reads_plain_images(void **state)
{
	struct core_image image;
	const char *text;

	(void)state;
	core_image_make(&image, ".DDDZZ.ZZ.DDDDDZDDZZZZ", CORE_PLAIN, "OSRELEASE=6.12.0-test\nPAGESIZE=4096\n");
	text = show(&image, 0);
	expect(text, "Type: CORE (Core file)\n");
	expect(text, "Machine: Advanced Micro Devices X86-64\n");
	expect(text, "Version: 0x1\n");
	expect(text, "Size of this header: 64 (bytes)\n");
	expect(text, "Number of program headers: 5\n");
	expect(text, "NOTE 0x00015c 0x0000000000000000 0x0000000000000000 0x000d08 0x000000 0x4\n");
	expect(text, "LOAD 0x001000 0xffff888000001000 0x0000000000001000 0x003000 0x005000 RWE 0x1000\n");
	expect(text, "LOAD 0x004000 0xffff888000007000 0x0000000000007000 0x000000 0x002000 RWE 0x1000\n");
	expect(text, "LOAD 0x004000 0xffff88800000a000 0x000000000000a000 0x005000 0x006000 RWE 0x1000\n");
	expect(text, "LOAD 0x009000 0xffff888000010000 0x0000000000010000 0x002000 0x006000 RWE 0x1000\n");
	expect(text, "THAW 0x00000cb8\tUnknown note type");
	expect(text, "VMCOREINFO 0x00000024\t");
	assert_null(strstr(text, "arning"));
	assert_null(strstr(text, "rror"));
	core_image_free(&image);
}

static void packed_images_are_no_elf_files(void **state)
{
	struct core_image image;

	(void)state;
	core_image_make(&image, ".DDDZZ", CORE_LZ4, NULL);
	expect(show(&image, 1), "Not an ELF file");
	core_image_free(&image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readelf_reads_plain_images),
		cmocka_unit_test(packed_images_are_no_elf_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
