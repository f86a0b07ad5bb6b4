/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * linux_prepare() as a whole, in memory at the addresses of a PC: BIOS area, arena and modules are mapped where they
 * would be, so that the sealed structure and boot_params can be checked as the kernel would see them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "lib/string.h"
#include "loader/linux.h"
#include "loader/linux_internal.h"
#include "mm/page_tables.h"
#include "tests/unit/fake_hw.h"

#define BIOS_START    0x80000u
#define BIOS_END      0x100000u
#define RSDP_ADDRESS  0xF5AD0u
#define ARENA_START   (2 * MIB)
#define ARENA_BYTES   (1 * MIB)
#define KERNEL_START  (16 * MIB)
#define KERNEL_BYTES  0x8000u
#define KERNEL_OFFSET 0x1000u
#define INITRD_START  (17 * MIB)
#define INITRD_BYTES  0x12345u

static struct boot_info info;
static struct arena arena;
static struct handoff_linux *sealed;
static uint8_t crtc_index;
static uint8_t crtc_cursor[2];

static void *map_at(uint64_t address, uint64_t bytes)
{
	void *wanted = paddr_to_virt((struct paddr){address});
	void *memory = mmap(wanted, (size_t)bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	assert_ptr_equal(memory, wanted);
	return memory;
}

static void put(uint64_t address, uint64_t value, size_t count)
{
	memcpy(paddr_to_virt((struct paddr){address}), &value, count);
}

static void put_kernel(void)
{
	memset(paddr_to_virt((struct paddr){KERNEL_START}), 0, KERNEL_BYTES);
	put(KERNEL_START + 0x1F1, 7, 1);
	put(KERNEL_START + 0x1FA, 0xFFFF, 2);
	put(KERNEL_START + 0x1FE, 0xAA55, 2);
	put(KERNEL_START + 0x200, 0x6AEB, 2);
	put(KERNEL_START + 0x202, 0x53726448, 4);
	put(KERNEL_START + 0x206, 0x020F, 2);
	put(KERNEL_START + 0x211, 1, 1);
	put(KERNEL_START + 0x22C, 0x7FFFFFFF, 4);
	put(KERNEL_START + 0x230, 0x200000, 4);
	put(KERNEL_START + 0x234, 1, 1);
	put(KERNEL_START + 0x236, 3, 2);
	put(KERNEL_START + 0x238, 2047, 4);
	put(KERNEL_START + 0x250, 0xDEAD, 8);
	put(KERNEL_START + 0x258, 0x1000000, 8);
	put(KERNEL_START + 0x260, 0x2000000, 4);
}

static void put_rsdp(void)
{
	uint8_t sum = 0;
	uint8_t *rsdp = paddr_to_virt((struct paddr){RSDP_ADDRESS});

	memcpy(rsdp, "RSD PTR ", 8);
	for (size_t i = 0; i < 20; i++)
		sum = (uint8_t)(sum + rsdp[i]);
	rsdp[8] = (uint8_t)-sum;
}

static uint64_t crtc_read(void *context, uint32_t offset, unsigned width_bytes)
{
	(void)context;
	assert_int_equal(width_bytes, 1);
	assert_int_equal(offset, 1);
	return crtc_index == 0x0E ? crtc_cursor[0] : crtc_index == 0x0F ? crtc_cursor[1] : 0xFF;
}

static void crtc_write(void *context, uint32_t offset, unsigned width_bytes, uint64_t value)
{
	(void)context;
	assert_int_equal(width_bytes, 1);
	assert_int_equal(offset, 0);
	crtc_index = (uint8_t)value;
}

static const struct fake_hw_ops crtc_ops = {.read = crtc_read, .write = crtc_write};

static void make_map(uint32_t extra_ranges)
{
	struct memory_range ranges[MEMORY_RANGES_MAX] = {
		{0, 0x9FC00, MEMORY_RAM},
		{0x9FC00, 0xA0000, MEMORY_RESERVED},
		{MIB, 256 * MIB, MEMORY_RAM},
	};
	uint32_t count = 3;

	for (uint32_t i = 0; i < extra_ranges; i++, count++)
		ranges[count] = (struct memory_range){GIB + i * 2 * MIB, GIB + i * 2 * MIB + MIB, MEMORY_ACPI_NVS};
	assert_int_equal(memory_map_build(ranges, count, &info.memory), STATUS_OK);
}

static enum status prepare(const char *reason)
{
	struct linux_files files;

	TRY(linux_files_of_modules(&info, &files));
	return linux_prepare(&info, &files, &arena, reason, &sealed);
}

static void add_module(uint64_t start, uint64_t bytes, const char *text)
{
	struct boot_module *module = &info.modules[info.module_count++];

	module->start = start;
	module->end = start + bytes;
	memcpy(module->command_line, text, strlen(text) + 1);
}

static int setup(void **state)
{
	(void)state;
	memset(&info, 0, sizeof(info));
	make_map(0);
	add_module(KERNEL_START, KERNEL_BYTES, "kernel root=/dev/sda1 quiet");
	add_module(INITRD_START, INITRD_BYTES, "initrd");
	info.screen = (struct boot_screen){
		.kind = BOOT_SCREEN_TEXT, .address = 0xB8000, .pitch_bytes = 160, .width = 80, .height = 25};
	memset(paddr_to_virt((struct paddr){BIOS_START}), 0, BIOS_END - BIOS_START);
	put_rsdp();
	put_kernel();
	arena_init(&arena, paddr_to_virt((struct paddr){ARENA_START}), ARENA_BYTES);
	fake_hw_reset();
	fake_hw_add_ports(0x3D4, 2, &crtc_ops, NULL);
	crtc_cursor[0] = (12 * 80 + 34) >> 8;
	crtc_cursor[1] = (12 * 80 + 34) & 0xFF;
	return 0;
}

static int map_all(void **state)
{
	(void)state;
	map_at(BIOS_START, BIOS_END - BIOS_START);
	map_at(ARENA_START, ARENA_BYTES);
	map_at(KERNEL_START, KERNEL_BYTES);
	return 0;
}

static uint64_t param(size_t offset, size_t count)
{
	uint64_t value = 0;

	memcpy(&value, (const uint8_t *)paddr_to_virt((struct paddr){sealed->boot_params}) + offset, count);
	return value;
}

static const char *command_line(void)
{
	return paddr_to_virt((struct paddr){param(0x228, 4) | param(0xC8, 4) << 32});
}

static bool in_arena(uint64_t address)
{
	return address >= ARENA_START && address < ARENA_START + ARENA_BYTES;
}

static const struct page *frame_at(void *context, struct pfn pfn)
{
	(void)context;
	return in_arena(pfn_to_paddr(pfn).value) ? pfn_to_page(pfn) : NULL;
}

static void test_sealed(void **state)
{
	const uint64_t addresses[] = {0x40E, 0xB8000, 16 * MIB, 0xFEE00300, 4 * GIB - 1};
	uint64_t physical;

	(void)state;
	assert_int_equal(prepare("no-image"), STATUS_OK);
	assert_true(in_arena(virt_to_paddr(sealed).value) && in_arena(sealed->boot_params));
	assert_true(arena.used_bytes <= LINUX_ARENA_BYTES);
	assert_int_equal(sealed->entry, 18 * MIB + 0x200);
	assert_int_equal(sealed->copy_count, 1);
	assert_int_equal(sealed->copies[0].destination, 18 * MIB);
	assert_int_equal(sealed->copies[0].source, KERNEL_START + KERNEL_OFFSET);
	assert_int_equal(sealed->copies[0].bytes, KERNEL_BYTES - KERNEL_OFFSET);
	for (size_t i = 0; i < ARRAY_COUNT(addresses); i++) {
		assert_int_equal(page_tables_walk(sealed->page_tables, 4, addresses[i], frame_at, NULL, &physical),
				 STATUS_OK);
		assert_int_equal(physical, addresses[i]);
	}
	assert_int_equal(page_tables_walk(sealed->page_tables, 4, 4 * GIB, frame_at, NULL, &physical),
			 STATUS_NOT_FOUND);
}

/* The entry for an address in 2 MiB pages. */
static uint64_t large_page_entry(uint64_t address)
{
	const uint64_t *table = paddr_to_virt((struct paddr){sealed->page_tables});

	assert_true((table[0] & (PTE_PRESENT | PTE_WRITE | PTE_NO_EXECUTE)) == (PTE_PRESENT | PTE_WRITE));
	table = paddr_to_virt((struct paddr){table[0] & PTE_ADDRESS});
	table = paddr_to_virt((struct paddr){table[address / GIB] & PTE_ADDRESS});
	return table[address % GIB / (2 * MIB)];
}

static void test_tables_allow_everything(void **state)
{
	(void)state;
	assert_int_equal(prepare("user"), STATUS_OK);
	for (uint64_t address = 0; address < 4 * GIB; address += 2 * MIB)
		assert_true(large_page_entry(address) == (address | PTE_PRESENT | PTE_WRITE | PTE_LARGE));
}

static void test_header_fields(void **state)
{
	(void)state;
	assert_int_equal(prepare("no-image"), STATUS_OK);
	assert_string_equal(command_line(), "root=/dev/sda1 quiet thaw.status=no-image");
	assert_true(in_arena(virt_to_paddr(command_line()).value));
	assert_int_equal(param(0x1F1, 1), 7);
	assert_int_equal(param(0x1FA, 2), 0xFFFF);
	assert_int_equal(param(0x1FC, 2), 0x0100);
	assert_int_equal(param(0x202, 4), 0x53726448);
	assert_int_equal(param(0x210, 1), 0xFF);
	assert_int_equal(param(0x211, 1), 0xA1); /* loaded high, quiet, heap */
	assert_int_equal(param(0x214, 4), 18 * MIB);
	assert_int_equal(param(0x218, 4), INITRD_START);
	assert_int_equal(param(0x21C, 4), INITRD_BYTES);
	assert_int_equal(param(0xC0, 8), 0);
	assert_int_equal(param(0x230, 4), 0x200000);
	assert_int_equal(param(0x250, 8), 0); /* not what stood in the file */
	assert_int_equal(param(0x258, 8), 0x1000000);
	assert_int_equal(param(0x260, 4), 0x2000000);
	assert_int_equal(param(0x1EF, 1), 0);
	assert_int_equal(param(0x070, 8), RSDP_ADDRESS);
	/* Nothing behind the header that the kernel has. */
	for (size_t offset = 0x26C; offset < 0x2D0; offset++)
		assert_int_equal(param(offset, 1), 0);
}

static void test_without_initrd(void **state)
{
	(void)state;
	info.module_count = 1;
	memcpy(info.modules[0].command_line, "kernel notquiet quieter", 24);
	put(RSDP_ADDRESS, 0, 8);
	assert_int_equal(prepare("user"), STATUS_OK);
	assert_int_equal(sealed->entry, 16 * MIB + 0x200);
	assert_int_equal(param(0x218, 8), 0);
	assert_int_equal(param(0x1FC, 2), 0);
	assert_int_equal(param(0x211, 1), 0x81);
	assert_int_equal(param(0x070, 8), 0);
}

static void test_memory_map(void **state)
{
	(void)state;
	assert_int_equal(prepare("user"), STATUS_OK);
	assert_int_equal(param(0x1E8, 1), 3);
	assert_int_equal(param(0x2D0 + 20, 8), 0x9FC00);
	assert_int_equal(param(0x2D0 + 28, 8), 0x400);
	assert_int_equal(param(0x2D0 + 36, 4), MEMORY_RESERVED);
	assert_int_equal(param(0x2D0 + 60, 8), 0);
}

static void test_memory_map_beyond_128(void **state)
{
	const uint8_t *extra;
	uint64_t value = 0;

	(void)state;
	make_map(200);
	assert_int_equal(prepare("user"), STATUS_OK);
	assert_int_equal(param(0x1E8, 1), 128);
	assert_int_equal(param(0x2D0 + 127 * 20, 8), GIB + 124 * 2 * MIB);
	assert_true(in_arena(param(0x250, 8)));
	extra = paddr_to_virt((struct paddr){param(0x250, 8)});
	memcpy(&value, extra, 8);
	assert_int_equal(value, 0);
	memcpy(&value, extra + 8, 8);
	assert_int_equal(value, 1 | (uint64_t)(75 * 20) << 32);
	memcpy(&value, extra + 16 + 74 * 20, 8);
	assert_int_equal(value, GIB + 199 * 2 * MIB);
	memcpy(&value, extra + 16 + 74 * 20 + 8, 8);
	assert_int_equal(value, MIB);
	assert_int_equal(extra[16 + 74 * 20 + 16], MEMORY_ACPI_NVS);
	make_map(125);
	arena_rewind(&arena, 0);
	assert_int_equal(prepare("user"), STATUS_OK);
	assert_int_equal(param(0x1E8, 1), 128);
	assert_int_equal(param(0x250, 8), 0);
}

static void test_text_screen(void **state)
{
	(void)state;
	assert_int_equal(prepare("user"), STATUS_OK);
	assert_int_equal(param(0x00, 1), 34);
	assert_int_equal(param(0x01, 1), 12);
	assert_int_equal(param(0x06, 1), 3);
	assert_int_equal(param(0x07, 1), 80);
	assert_int_equal(param(0x0E, 1), 25);
	assert_int_equal(param(0x0F, 1), 1);
	assert_int_equal(param(0x10, 2), 16);
	crtc_cursor[0] = 0x20; /* outside the screen: hidden */
	assert_int_equal(prepare("user"), STATUS_OK);
	assert_int_equal(param(0x00, 2), 0);
	/* No tag at all: GRUB's linux says text too. */
	info.screen.kind = BOOT_SCREEN_NONE;
	assert_int_equal(prepare("user"), STATUS_OK);
	assert_int_equal(param(0x06, 2), 3 | 80 << 8);
	info.vbe_mode = 0x105;
	assert_int_equal(prepare("user"), STATUS_OK);
	assert_int_equal(param(0x06, 2), 0);
	assert_int_equal(param(0x0F, 1), 0);
}

static void test_graphic_screen(void **state)
{
	(void)state;
	info.vbe_mode = 0x4118;
	info.screen = (struct boot_screen){.kind = BOOT_SCREEN_RGB,
					   .address = 0xFD000000,
					   .pitch_bytes = 4096,
					   .width = 1024,
					   .height = 765,
					   .bits_per_pixel = 32,
					   .red_position = 16,
					   .red_size = 8,
					   .green_position = 8,
					   .green_size = 8,
					   .blue_position = 0,
					   .blue_size = 8};
	assert_int_equal(prepare("user"), STATUS_OK);
	assert_int_equal(param(0x0F, 1), 0x23);
	assert_int_equal(param(0x00, 2), 0);
	assert_int_equal(param(0x12, 2), 1024);
	assert_int_equal(param(0x14, 2), 765);
	assert_int_equal(param(0x16, 2), 32);
	assert_int_equal(param(0x18, 4), 0xFD000000);
	assert_int_equal(param(0x1C, 4), 48);
	assert_int_equal(param(0x24, 2), 4096);
	assert_int_equal(param(0x26, 8), 0x1808000808081008u);
	assert_int_equal(param(0x36, 8), 0);
	info.screen.address = 0x80FD000000;
	info.screen.bits_per_pixel = 15;
	info.screen.red_position = 10;
	info.screen.red_size = info.screen.green_size = info.screen.blue_size = 5;
	info.screen.green_position = 5;
	assert_int_equal(prepare("user"), STATUS_OK);
	assert_int_equal(param(0x36, 4), 2);
	assert_int_equal(param(0x3A, 4), 0x80);
	assert_int_equal(param(0x2C, 2), 0x0F01);
	info.screen.pitch_bytes = 0x10000;
	assert_int_equal(prepare("user"), STATUS_OK);
	assert_int_equal(param(0x0F, 1), 0);
}

static void test_roles(void **state)
{
	(void)state;
	info.module_count = 0;
	add_module(40 * MIB, PAGE_BYTES, "kernelx root=1");
	add_module(INITRD_START, INITRD_BYTES, "initrd");
	assert_int_equal(prepare("user"), STATUS_NOT_FOUND);
	assert_int_equal(arena.used_bytes, 0);
	add_module(KERNEL_START, KERNEL_BYTES, "kernel");
	add_module(50 * MIB, PAGE_BYTES, "kernel second");
	memcpy(info.command_line, "quiet -- from=thaw", 19);
	assert_int_equal(prepare("stale"), STATUS_OK);
	assert_string_equal(command_line(), "from=thaw noresume thaw.status=stale");
	assert_int_equal(param(0x218, 4), INITRD_START);
	assert_string_equal(linux_command_line_find(&info, false), "from=thaw");
	memcpy(info.modules[2].command_line, "kernel  first=1", 16);
	assert_string_equal(linux_command_line_find(&info, false), "first=1");
	assert_string_equal(linux_command_line_find(&info, true), "from=thaw");
	info.command_line[0] = '\0';
	assert_string_equal(linux_command_line_find(&info, true), "first=1");
	memcpy(info.command_line, "quiet -- from=thaw", 19);
	info.module_count = 0;
	assert_string_equal(linux_command_line_find(&info, false), "from=thaw");
	info.command_line[0] = '\0';
	assert_string_equal(linux_command_line_find(&info, false), "");
}

static void test_refusals(void **state)
{
	const size_t small[] = {100, 5000, 6 * PAGE_BYTES, 9 * PAGE_BYTES};

	(void)state;
	put(KERNEL_START + 0x236, 0, 2);
	assert_int_equal(prepare("user"), STATUS_UNSUPPORTED);
	put_kernel();
	info.modules[0].end = KERNEL_START + 0x100;
	assert_int_equal(prepare("user"), STATUS_UNSUPPORTED);
	info.modules[0].end = KERNEL_START + KERNEL_BYTES;
	for (size_t i = 0; i < ARRAY_COUNT(small); i++) {
		arena_init(&arena, paddr_to_virt((struct paddr){ARENA_START}), small[i]);
		assert_int_equal(prepare("user"), STATUS_NO_MEMORY);
		assert_int_equal(arena.used_bytes, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_sealed, setup),
		cmocka_unit_test_setup(test_header_fields, setup),
		cmocka_unit_test_setup(test_without_initrd, setup),
		cmocka_unit_test_setup(test_memory_map, setup),
		cmocka_unit_test_setup(test_text_screen, setup),
		cmocka_unit_test_setup(test_memory_map_beyond_128, setup),
		cmocka_unit_test_setup(test_graphic_screen, setup),
		cmocka_unit_test_setup(test_roles, setup),
		cmocka_unit_test_setup(test_refusals, setup),
		cmocka_unit_test_setup(test_tables_allow_everything, setup),
	};

	return cmocka_run_group_tests(tests, map_all, NULL);
}
