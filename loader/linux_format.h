/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Linux's x86 boot protocol, versions 2.12 to 2.15: the setup header of a kernel image and struct boot_params
 * (Documentation/arch/x86/boot.rst and zero-page.rst; include/uapi/asm/bootparam.h; include/uapi/linux/screen_info.h).
 * Little endian, as the machine.
 */
#pragma once

#include "include/types.h"

#define LINUX_SECTOR_BYTES        512
#define LINUX_SETUP_SECTS_DEFAULT 4 /* what setup_sects 0 means */
#define LINUX_BOOT_FLAG           0xAA55u
#define LINUX_HEADER_MAGIC        0x53726448u /* "HdrS" */
#define LINUX_PROTOCOL_XLOADFLAGS 0x020Cu
#define LINUX_ENTRY_64_OFFSET     0x200
#define LINUX_LOADER_UNDEFINED    0xFF /* type_of_loader of a loader without an assigned number */

/* loadflags */
#define LINUX_LOADED_HIGH  BIT(0)
#define LINUX_QUIET_FLAG   BIT(5)
#define LINUX_CAN_USE_HEAP BIT(7)

/* xloadflags */
#define LINUX_XLF_KERNEL_64              BIT(0)
#define LINUX_XLF_CAN_BE_LOADED_ABOVE_4G BIT(1)

/* setup_data.type */
#define LINUX_SETUP_E820_EXT 1

/* From here a kernel image and struct boot_params agree. */
struct linux_setup_header {
	uint8_t setup_sects;
	uint16_t root_flags;
	uint32_t syssize;
	uint16_t ram_size;
	uint16_t vid_mode;
	uint16_t root_dev;
	uint16_t boot_flag;
	uint8_t jump_opcode;
	uint8_t jump_offset; /* the header ends at 0x202 + this */
	uint32_t header;
	uint16_t version;
	uint32_t realmode_swtch;
	uint16_t start_sys_seg;
	uint16_t kernel_version;
	uint8_t type_of_loader;
	uint8_t loadflags;
	uint16_t setup_move_size;
	uint32_t code32_start;
	uint32_t ramdisk_image;
	uint32_t ramdisk_size;
	uint32_t bootsect_kludge;
	uint16_t heap_end_ptr;
	uint8_t ext_loader_ver;
	uint8_t ext_loader_type;
	uint32_t cmd_line_ptr;
	uint32_t initrd_addr_max;
	uint32_t kernel_alignment;
	uint8_t relocatable_kernel;
	uint8_t min_alignment;
	uint16_t xloadflags;
	uint32_t cmdline_size;
	uint32_t hardware_subarch;
	uint64_t hardware_subarch_data;
	uint32_t payload_offset;
	uint32_t payload_length;
	uint64_t setup_data;
	uint64_t pref_address;
	uint32_t init_size;
	uint32_t handover_offset;
	uint32_t kernel_info_offset;
} __attribute__((packed));

#define LINUX_SETUP_HEADER_OFFSET 0x1F1
#define LINUX_JUMP_BASE           0x202

/* orig_video_isVGA */
#define LINUX_VIDEO_TYPE_TEXT 0x01 /* what GRUB says of a text screen */
#define LINUX_VIDEO_TYPE_VLFB 0x23

struct linux_screen_info {
	uint8_t orig_x;
	uint8_t orig_y;
	uint16_t ext_mem_k;
	uint16_t orig_video_page;
	uint8_t orig_video_mode;
	uint8_t orig_video_cols;
	uint8_t flags;
	uint8_t unused2;
	uint16_t orig_video_ega_bx;
	uint16_t unused3;
	uint8_t orig_video_lines;
	uint8_t orig_video_is_vga;
	uint16_t orig_video_points;
	uint16_t lfb_width;
	uint16_t lfb_height;
	uint16_t lfb_depth;
	uint32_t lfb_base;
	uint32_t lfb_size; /* 64 KiB units with VLFB */
	uint16_t cl_magic;
	uint16_t cl_offset;
	uint16_t lfb_linelength;
	uint8_t red_size, red_pos, green_size, green_pos, blue_size, blue_pos, rsvd_size, rsvd_pos;
	uint16_t vesapm_seg;
	uint16_t vesapm_off;
	uint16_t pages;
	uint16_t vesa_attributes;
	uint32_t capabilities;
	uint32_t ext_lfb_base;
	uint8_t reserved[2];
} __attribute__((packed));

#define LINUX_CAPABILITY_64BIT_BASE BIT(1)

struct linux_e820_entry {
	uint64_t address;
	uint64_t size;
	uint32_t type;
} __attribute__((packed));

#define LINUX_E820_ENTRIES_MAX 128

/* Followed by len bytes: struct linux_e820_entry[] for LINUX_SETUP_E820_EXT. */
struct linux_setup_data {
	uint64_t next;
	uint32_t type;
	uint32_t len;
} __attribute__((packed));

struct linux_boot_params {
	struct linux_screen_info screen_info;
	uint8_t apm_bios_info[20];
	uint8_t pad2[4];
	uint64_t tboot_addr;
	uint8_t ist_info[16];
	uint64_t acpi_rsdp_addr;
	uint8_t pad3[8];
	uint8_t hd0_info[16];
	uint8_t hd1_info[16];
	uint8_t sys_desc_table[16];
	uint8_t olpc_ofw_header[16];
	uint32_t ext_ramdisk_image;
	uint32_t ext_ramdisk_size;
	uint32_t ext_cmd_line_ptr;
	uint8_t pad4[112];
	uint32_t cc_blob_address;
	uint8_t edid_info[128];
	uint8_t efi_info[32];
	uint32_t alt_mem_k;
	uint32_t scratch;
	uint8_t e820_entries;
	uint8_t eddbuf_entries;
	uint8_t edd_mbr_sig_buf_entries;
	uint8_t kbd_status;
	uint8_t secure_boot;
	uint8_t pad5[2];
	uint8_t sentinel; /* not 0: the kernel takes the structure for uninitialised */
	uint8_t pad6[1];
	struct linux_setup_header hdr;
	uint8_t pad7[0x290 - 0x1F1 - sizeof(struct linux_setup_header)];
	uint32_t edd_mbr_sig_buffer[16];
	struct linux_e820_entry e820_table[LINUX_E820_ENTRIES_MAX];
	uint8_t pad8[48];
	uint8_t eddbuf[0x1EC];
	uint8_t pad9[276];
} __attribute__((packed));

#define LINUX_ASSERT_HEADER(field, offset)                                                                             \
	_Static_assert(offsetof(struct linux_setup_header, field) + LINUX_SETUP_HEADER_OFFSET == (offset), #field)

LINUX_ASSERT_HEADER(setup_sects, 0x1F1);
LINUX_ASSERT_HEADER(root_flags, 0x1F2);
LINUX_ASSERT_HEADER(syssize, 0x1F4);
LINUX_ASSERT_HEADER(ram_size, 0x1F8);
LINUX_ASSERT_HEADER(vid_mode, 0x1FA);
LINUX_ASSERT_HEADER(root_dev, 0x1FC);
LINUX_ASSERT_HEADER(boot_flag, 0x1FE);
LINUX_ASSERT_HEADER(jump_opcode, 0x200);
LINUX_ASSERT_HEADER(jump_offset, 0x201);
LINUX_ASSERT_HEADER(header, 0x202);
LINUX_ASSERT_HEADER(version, 0x206);
LINUX_ASSERT_HEADER(realmode_swtch, 0x208);
LINUX_ASSERT_HEADER(start_sys_seg, 0x20C);
LINUX_ASSERT_HEADER(kernel_version, 0x20E);
LINUX_ASSERT_HEADER(type_of_loader, 0x210);
LINUX_ASSERT_HEADER(loadflags, 0x211);
LINUX_ASSERT_HEADER(setup_move_size, 0x212);
LINUX_ASSERT_HEADER(code32_start, 0x214);
LINUX_ASSERT_HEADER(ramdisk_image, 0x218);
LINUX_ASSERT_HEADER(ramdisk_size, 0x21C);
LINUX_ASSERT_HEADER(bootsect_kludge, 0x220);
LINUX_ASSERT_HEADER(heap_end_ptr, 0x224);
LINUX_ASSERT_HEADER(ext_loader_ver, 0x226);
LINUX_ASSERT_HEADER(ext_loader_type, 0x227);
LINUX_ASSERT_HEADER(cmd_line_ptr, 0x228);
LINUX_ASSERT_HEADER(initrd_addr_max, 0x22C);
LINUX_ASSERT_HEADER(kernel_alignment, 0x230);
LINUX_ASSERT_HEADER(relocatable_kernel, 0x234);
LINUX_ASSERT_HEADER(min_alignment, 0x235);
LINUX_ASSERT_HEADER(xloadflags, 0x236);
LINUX_ASSERT_HEADER(cmdline_size, 0x238);
LINUX_ASSERT_HEADER(hardware_subarch, 0x23C);
LINUX_ASSERT_HEADER(hardware_subarch_data, 0x240);
LINUX_ASSERT_HEADER(payload_offset, 0x248);
LINUX_ASSERT_HEADER(payload_length, 0x24C);
LINUX_ASSERT_HEADER(setup_data, 0x250);
LINUX_ASSERT_HEADER(pref_address, 0x258);
LINUX_ASSERT_HEADER(init_size, 0x260);
LINUX_ASSERT_HEADER(handover_offset, 0x264);
LINUX_ASSERT_HEADER(kernel_info_offset, 0x268);

#define LINUX_ASSERT_PARAMS(field, offset) _Static_assert(offsetof(struct linux_boot_params, field) == (offset), #field)

LINUX_ASSERT_PARAMS(apm_bios_info, 0x040);
LINUX_ASSERT_PARAMS(tboot_addr, 0x058);
LINUX_ASSERT_PARAMS(acpi_rsdp_addr, 0x070);
LINUX_ASSERT_PARAMS(hd0_info, 0x080);
LINUX_ASSERT_PARAMS(olpc_ofw_header, 0x0B0);
LINUX_ASSERT_PARAMS(ext_ramdisk_image, 0x0C0);
LINUX_ASSERT_PARAMS(ext_ramdisk_size, 0x0C4);
LINUX_ASSERT_PARAMS(ext_cmd_line_ptr, 0x0C8);
LINUX_ASSERT_PARAMS(cc_blob_address, 0x13C);
LINUX_ASSERT_PARAMS(edid_info, 0x140);
LINUX_ASSERT_PARAMS(efi_info, 0x1C0);
LINUX_ASSERT_PARAMS(alt_mem_k, 0x1E0);
LINUX_ASSERT_PARAMS(e820_entries, 0x1E8);
LINUX_ASSERT_PARAMS(kbd_status, 0x1EB);
LINUX_ASSERT_PARAMS(sentinel, 0x1EF);
LINUX_ASSERT_PARAMS(hdr, 0x1F1);
LINUX_ASSERT_PARAMS(edd_mbr_sig_buffer, 0x290);
LINUX_ASSERT_PARAMS(e820_table, 0x2D0);
LINUX_ASSERT_PARAMS(eddbuf, 0xD00);
_Static_assert(sizeof(struct linux_boot_params) == 4096, "boot_params is one page");

#define LINUX_ASSERT_SCREEN(field, offset) _Static_assert(offsetof(struct linux_screen_info, field) == (offset), #field)

LINUX_ASSERT_SCREEN(orig_video_page, 0x04);
LINUX_ASSERT_SCREEN(orig_video_mode, 0x06);
LINUX_ASSERT_SCREEN(orig_video_ega_bx, 0x0A);
LINUX_ASSERT_SCREEN(orig_video_lines, 0x0E);
LINUX_ASSERT_SCREEN(orig_video_is_vga, 0x0F);
LINUX_ASSERT_SCREEN(orig_video_points, 0x10);
LINUX_ASSERT_SCREEN(lfb_width, 0x12);
LINUX_ASSERT_SCREEN(lfb_base, 0x18);
LINUX_ASSERT_SCREEN(lfb_size, 0x1C);
LINUX_ASSERT_SCREEN(lfb_linelength, 0x24);
LINUX_ASSERT_SCREEN(red_size, 0x26);
LINUX_ASSERT_SCREEN(rsvd_pos, 0x2D);
LINUX_ASSERT_SCREEN(pages, 0x32);
LINUX_ASSERT_SCREEN(capabilities, 0x36);
LINUX_ASSERT_SCREEN(ext_lfb_base, 0x3A);
_Static_assert(sizeof(struct linux_screen_info) == 64, "screen_info");

_Static_assert(sizeof(struct linux_e820_entry) == 20, "e820 entry");
_Static_assert(sizeof(struct linux_setup_data) == 16, "setup_data");
_Static_assert(offsetof(struct linux_setup_data, type) == 8, "setup_data type");
_Static_assert(offsetof(struct linux_setup_data, len) == 12, "setup_data len");
