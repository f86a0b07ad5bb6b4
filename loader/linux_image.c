/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The header of a Linux kernel image (Documentation/arch/x86/boot.rst, protocol 2.12 and later: older ones can't say
 * that they have a 64-bit entry).
 */
#include "loader/linux_internal.h"

#define ALIGNMENT_MAX (1 * GIB)

/* File offset of a setup header field. */
#define AT(field) (LINUX_SETUP_HEADER_OFFSET + offsetof(struct linux_setup_header, field))

static enum status check_kind(struct span *file)
{
	const uint8_t load_flags = span_u8(file, AT(loadflags));
	const uint16_t extended_flags = span_u16(file, AT(xloadflags));

	if (span_u16(file, AT(boot_flag)) != LINUX_BOOT_FLAG || span_u32(file, AT(header)) != LINUX_HEADER_MAGIC)
		return STATUS_UNSUPPORTED;
	if (span_u16(file, AT(version)) < LINUX_PROTOCOL_XLOADFLAGS)
		return STATUS_UNSUPPORTED;
	if (!(load_flags & LINUX_LOADED_HIGH) || !(extended_flags & LINUX_XLF_KERNEL_64))
		return STATUS_UNSUPPORTED;
	return STATUS_OK;
}

/* The part behind the setup sectors: where it is, and that the file holds all of its payload. */
static enum status read_extent(struct span *file, uint64_t file_bytes, struct linux_image *image)
{
	const uint8_t setup_sects = span_u8(file, AT(setup_sects));
	const uint32_t sectors = setup_sects != 0 ? setup_sects : LINUX_SETUP_SECTS_DEFAULT;
	const uint64_t payload_end = (uint64_t)span_u32(file, AT(payload_offset)) + span_u32(file, AT(payload_length));
	uint64_t available;

	image->kernel_offset = (sectors + 1) * LINUX_SECTOR_BYTES;
	image->header_end = LINUX_JUMP_BASE + span_u8(file, AT(jump_offset));
	if (file_bytes <= image->kernel_offset)
		return STATUS_CORRUPT;
	available = file_bytes - image->kernel_offset;
	if (payload_end > available || available <= LINUX_ENTRY_64_OFFSET)
		return STATUS_CORRUPT;
	if (image->header_end < AT(handover_offset) ||
	    image->header_end > offsetof(struct linux_boot_params, edd_mbr_sig_buffer))
		return STATUS_CORRUPT;
	/* A signature may follow the kernel: it is loaded as long as there is room, as other loaders do. */
	image->kernel_bytes = min_u64(available, image->init_bytes);
	return payload_end <= image->init_bytes && image->init_bytes > LINUX_ENTRY_64_OFFSET ? STATUS_OK
											     : STATUS_CORRUPT;
}

enum status linux_image_parse(struct span file, uint64_t file_bytes, struct linux_image *image_out)
{
	struct linux_image image = {
		.init_bytes = align_up(span_u32(&file, AT(init_size)), PAGE_BYTES),
		.preferred_address = span_u64(&file, AT(pref_address)),
		.alignment = span_u32(&file, AT(kernel_alignment)),
		.relocatable = span_u8(&file, AT(relocatable_kernel)) != 0,
		.initrd_anywhere = (span_u16(&file, AT(xloadflags)) & LINUX_XLF_CAN_BE_LOADED_ABOVE_4G) != 0,
		.initrd_end_max = (uint64_t)span_u32(&file, AT(initrd_addr_max)) + 1,
		.command_line_max = span_u32(&file, AT(cmdline_size)),
	};

	if (!span_ok(&file))
		return STATUS_UNSUPPORTED;
	TRY(check_kind(&file));
	TRY(read_extent(&file, file_bytes, &image));
	if (image.alignment < PAGE_BYTES || image.alignment > ALIGNMENT_MAX ||
	    (image.alignment & (image.alignment - 1)) != 0)
		return STATUS_CORRUPT;
	*image_out = image;
	return STATUS_OK;
}
