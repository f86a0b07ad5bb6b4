/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A firmware for tests; see fake_efi.h.
 */
#define _GNU_SOURCE
#include "tests/unit/fake_efi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "tests/unit/fake_hw.h"

struct fake_efi fake_efi;

static EFI_BOOT_SERVICES boot;
static EFI_RUNTIME_SERVICES runtime;
static EFI_SYSTEM_TABLE system_table;

struct fake_call {
	struct fake_efi_disk *disk;
	EFI_BLOCK_IO2_TOKEN *token;
	uint64_t end_us;
	uint64_t lba;
	uint64_t bytes;
	void *buffer;
};

static struct fake_call calls[FAKE_EFI_CALLS];
static uint8_t events[4096]; /* only their addresses count */
static uint32_t events_made;

/* Only these are allowed after ExitBootServices failed: GetMemoryMap and itself. */
static void note_call(void)
{
	if (fake_efi.exit_calls > 0)
		fake_efi.called_after_failure = true;
}

/* --- memory ---------------------------------------------------------------------------------------------------- */

static EFI_STATUS EFIAPI get_memory_map(UINTN *bytes, EFI_MEMORY_DESCRIPTOR *map, UINTN *key, UINTN *stride,
					UINT32 *version)
{
	const UINTN needed = fake_efi.map_count * (UINTN)FAKE_EFI_STRIDE;

	fake_efi.map_calls++;
	if (fake_efi.map_status != EFI_SUCCESS)
		return fake_efi.map_status;
	*stride = FAKE_EFI_STRIDE;
	*version = 1;
	if (*bytes < needed) {
		*bytes = needed;
		return EFI_BUFFER_TOO_SMALL;
	}
	*bytes = needed;
	*key = fake_efi.map_key;
	for (uint32_t i = 0; i < fake_efi.map_count; i++)
		memcpy((uint8_t *)map + i * (size_t)FAKE_EFI_STRIDE, &fake_efi.map[i], sizeof(*map));
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI allocate_pages(EFI_ALLOCATE_TYPE type, EFI_MEMORY_TYPE memory_type, UINTN pages,
					EFI_PHYSICAL_ADDRESS *address)
{
	void *memory;

	note_call();
	assert_int_equal(memory_type, EfiLoaderData);
	assert_true(pages > 0);
	if (type == AllocateAddress) {
		if (*address <= fake_efi.refused_start && fake_efi.refused_start < *address + pages * PAGE_BYTES)
			return EFI_NOT_FOUND;
		fake_efi.taken[fake_efi.taken_count].start = *address;
		fake_efi.taken[fake_efi.taken_count++].pages = pages;
		fake_efi.allocations++;
		return EFI_SUCCESS;
	}
	assert_int_equal(type, AllocateMaxAddress);
	if (fake_efi.is_full)
		return EFI_OUT_OF_RESOURCES;
	memory = mmap(NULL, pages * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (memory == MAP_FAILED)
		return EFI_OUT_OF_RESOURCES;
	fake_efi.allocations++;
	*address = (uintptr_t)memory;
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI free_pages(EFI_PHYSICAL_ADDRESS address, UINTN pages)
{
	(void)address;
	(void)pages;
	note_call();
	assert_true(fake_efi.allocations > 0);
	fake_efi.allocations--;
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI exit_boot_services(EFI_HANDLE image, UINTN key)
{
	assert_ptr_equal(image, firmware.image);
	fake_efi.exit_calls++;
	if (fake_efi.exit_calls <= fake_efi.exit_failures) {
		fake_efi.map_key++;
		return EFI_INVALID_PARAMETER;
	}
	if (key != fake_efi.map_key)
		return EFI_INVALID_PARAMETER;
	fake_efi.exited = true;
	return EFI_SUCCESS;
}

/* --- events and disks ------------------------------------------------------------------------------------------ */

static EFI_STATUS EFIAPI create_event(UINT32 type, EFI_TPL tpl, EFI_EVENT_NOTIFY notify, VOID *context,
				      EFI_EVENT *event)
{
	(void)tpl;
	(void)context;
	assert_int_equal(type, 0);
	assert_null(notify);
	*event = &events[events_made++ % sizeof(events)];
	fake_efi.open_events++;
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI close_event(EFI_EVENT event)
{
	assert_non_null(event);
	fake_efi.open_events--;
	return EFI_SUCCESS;
}

static bool is_bad(const struct fake_efi_disk *disk, uint64_t lba, uint64_t bytes)
{
	return disk->bad_lba >= lba && disk->bad_lba < lba + bytes / disk->media.BlockSize;
}

static void copy_out(const struct fake_efi_disk *disk, uint64_t lba, uint64_t bytes, void *buffer)
{
	memcpy(buffer, disk->bytes + lba * disk->media.BlockSize, bytes);
}

/* What every caller has to keep to. */
static void check_call(struct fake_efi_disk *disk, UINT32 media, uint64_t lba, uint64_t bytes, const void *buffer)
{
	note_call();
	assert_int_equal(media, disk->media.MediaId);
	assert_int_equal(bytes % disk->media.BlockSize, 0);
	assert_true(bytes > 0 && lba + bytes / disk->media.BlockSize <= disk->media.LastBlock + 1);
	if (disk->media.IoAlign > 1)
		assert_int_equal((uintptr_t)buffer % disk->media.IoAlign, 0);
	disk->last_buffer = buffer;
	if (bytes > disk->largest_bytes)
		disk->largest_bytes = bytes;
}

static EFI_STATUS EFIAPI check_event(EFI_EVENT event)
{
	for (uint32_t i = 0; i < FAKE_EFI_CALLS; i++) {
		struct fake_call *call = &calls[i];

		if (!call->disk || call->token->Event != event)
			continue;
		if (call->disk->never_ends || fake_hw_now_us() < call->end_us)
			return EFI_NOT_READY;
		call->token->TransactionStatus = EFI_SUCCESS;
		if (is_bad(call->disk, call->lba, call->bytes))
			call->token->TransactionStatus = EFI_DEVICE_ERROR;
		else
			copy_out(call->disk, call->lba, call->bytes, call->buffer);
		call->disk->in_flight--;
		call->disk = NULL;
		return EFI_SUCCESS;
	}
	return EFI_NOT_READY;
}

static EFI_STATUS EFIAPI read_blocks(EFI_BLOCK_IO *this, UINT32 media, EFI_LBA lba, UINTN bytes, VOID *buffer)
{
	struct fake_efi_disk *disk = (struct fake_efi_disk *)this;

	check_call(disk, media, lba, bytes, buffer);
	disk->reads++;
	if (is_bad(disk, lba, bytes) && disk->lies) {
		copy_out(disk, lba, (disk->bad_lba - lba) * disk->media.BlockSize, buffer);
		return EFI_SUCCESS;
	}
	if (is_bad(disk, lba, bytes))
		return EFI_DEVICE_ERROR;
	copy_out(disk, lba, bytes, buffer);
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI read_blocks_ex(EFI_BLOCK_IO2_PROTOCOL *this, UINT32 media, EFI_LBA lba,
					EFI_BLOCK_IO2_TOKEN *token, UINTN bytes, VOID *buffer)
{
	struct fake_efi_disk *disk =
		(struct fake_efi_disk *)(void *)((uint8_t *)this - offsetof(struct fake_efi_disk, io2));
	struct fake_call *call = calls;

	check_call(disk, media, lba, bytes, buffer);
	if (disk->refuses)
		return EFI_OUT_OF_RESOURCES;
	while (call->disk)
		call++;
	assert_true(call < calls + FAKE_EFI_CALLS);
	*call = (struct fake_call){disk, token, fake_hw_now_us() + disk->latency_us, lba, bytes, buffer};
	disk->waiting_reads++;
	disk->in_flight++;
	if (disk->in_flight > disk->most_in_flight)
		disk->most_in_flight = disk->in_flight;
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI write_blocks(EFI_BLOCK_IO *this, UINT32 media, EFI_LBA lba, UINTN bytes, VOID *buffer)
{
	struct fake_efi_disk *disk = (struct fake_efi_disk *)this;

	check_call(disk, media, lba, bytes, buffer);
	disk->writes++;
	if (disk->write_fails)
		return EFI_DEVICE_ERROR;
	memcpy(disk->bytes + lba * disk->media.BlockSize, buffer, bytes);
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI flush_blocks(EFI_BLOCK_IO *this)
{
	struct fake_efi_disk *disk = (struct fake_efi_disk *)this;

	disk->flushes++;
	return disk->flush_fails ? EFI_DEVICE_ERROR : EFI_SUCCESS;
}

static EFI_STATUS EFIAPI locate_handle_buffer(EFI_LOCATE_SEARCH_TYPE type, EFI_GUID *guid, VOID *key, UINTN *count,
					      EFI_HANDLE **handles)
{
	(void)type;
	(void)guid;
	(void)key;
	if (fake_efi.disk_count == 0)
		return EFI_NOT_FOUND;
	*count = fake_efi.disk_count;
	*handles = malloc(fake_efi.disk_count * sizeof(**handles));
	for (uint32_t i = 0; i < fake_efi.disk_count; i++)
		(*handles)[i] = &fake_efi.disks[i];
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI free_pool(VOID *memory)
{
	free(memory);
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI handle_protocol(EFI_HANDLE handle, EFI_GUID *guid, VOID **interface)
{
	static const EFI_GUID io2_guid = EFI_BLOCK_IO2_PROTOCOL_GUID;
	static const EFI_GUID path_guid = DEVICE_PATH_PROTOCOL;
	static const EFI_GUID ata_guid = EFI_ATA_PROTOCOL_GUID;
	struct fake_efi_disk *disk = handle;

	if (memcmp(guid, &path_guid, sizeof(path_guid)) == 0) {
		*interface = disk; /* the path's only use is to be handed on */
		return EFI_SUCCESS;
	}
	if (memcmp(guid, &ata_guid, sizeof(ata_guid)) == 0) {
		*interface = &disk->ata;
		return disk->has_ata ? EFI_SUCCESS : EFI_UNSUPPORTED;
	}
	if (memcmp(guid, &io2_guid, sizeof(io2_guid)) != 0) {
		*interface = &disk->io;
		return EFI_SUCCESS;
	}
	*interface = &disk->io2;
	return disk->has_io2 ? EFI_SUCCESS : EFI_UNSUPPORTED;
}

static EFI_STATUS EFIAPI locate_device_path(EFI_GUID *guid, EFI_DEVICE_PATH **path, EFI_HANDLE *handle)
{
	struct fake_efi_disk *disk = (struct fake_efi_disk *)(void *)*path;

	(void)guid;
	*handle = disk;
	return disk->has_ata ? EFI_SUCCESS : EFI_NOT_FOUND;
}

static EFI_STATUS EFIAPI ata_get_device(struct efi_ata_protocol *this, EFI_DEVICE_PATH *path, uint16_t *port_out,
					uint16_t *multiplier_port_out)
{
	assert_ptr_equal(this, &((struct fake_efi_disk *)(void *)path)->ata);
	*port_out = 3;
	*multiplier_port_out = UINT16_MAX;
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI ata_pass_thru(struct efi_ata_protocol *this, uint16_t port, uint16_t multiplier_port,
				       struct efi_ata_packet *packet, EFI_EVENT event)
{
	struct fake_efi_disk *disk =
		(struct fake_efi_disk *)(void *)((uint8_t *)this - offsetof(struct fake_efi_disk, ata));

	assert_int_equal(port, 3);
	assert_int_equal(multiplier_port, UINT16_MAX);
	assert_null(event);
	assert_int_equal(packet->protocol, EFI_ATA_NON_DATA);
	assert_int_equal(packet->length, 0);
	assert_true(packet->timeout_100ns > 0);
	assert_int_equal((uintptr_t)packet->status % this->mode->io_alignment, 0);
	assert_int_equal(packet->command->command, 0xE7);
	assert_int_equal(disk->writes, disk->ata_flushes + 1); /* behind the write */
	disk->ata_flushes++;
	packet->status->status = disk->ata_status;
	return disk->ata_returns;
}

static EFI_TPL EFIAPI raise_tpl(EFI_TPL priority)
{
	const EFI_TPL before = fake_efi.task_priority;

	assert_true(priority >= before);
	fake_efi.task_priority = priority;
	return before;
}

static VOID EFIAPI restore_tpl(EFI_TPL priority)
{
	assert_true(priority <= fake_efi.task_priority);
	fake_efi.task_priority = priority;
}

/* --- public ---------------------------------------------------------------------------------------------------- */

void firmware_save_cpu(void)
{
}

void fake_efi_reset(void)
{
	memset(&fake_efi, 0, sizeof(fake_efi));
	memset(calls, 0, sizeof(calls));
	fake_efi.refused_start = UINT64_MAX;
	fake_efi.map_key = 7;
	fake_efi.task_priority = TPL_APPLICATION;
	boot = (EFI_BOOT_SERVICES){
		.RaiseTPL = raise_tpl,
		.RestoreTPL = restore_tpl,
		.GetMemoryMap = get_memory_map,
		.AllocatePages = allocate_pages,
		.FreePages = free_pages,
		.ExitBootServices = exit_boot_services,
		.CreateEvent = create_event,
		.CheckEvent = check_event,
		.CloseEvent = close_event,
		.LocateHandleBuffer = locate_handle_buffer,
		.FreePool = free_pool,
		.HandleProtocol = handle_protocol,
		.LocateDevicePath = locate_device_path,
	};
	firmware = (struct firmware){&fake_efi, &system_table, &boot, &runtime, NULL};
}

void fake_efi_add_memory(uint32_t type, uint64_t start, uint64_t end)
{
	assert_true(fake_efi.map_count < FAKE_EFI_DESCRIPTORS);
	fake_efi.map[fake_efi.map_count++] = (EFI_MEMORY_DESCRIPTOR){
		.Type = type, .PhysicalStart = start, .NumberOfPages = (end - start) / PAGE_BYTES, .Attribute = 0xF};
}

static const struct efi_ata_mode ata_mode = {.io_alignment = 64};

struct fake_efi_disk *fake_efi_add_disk(uint8_t *bytes, uint64_t sectors, uint32_t sector_bytes, bool has_io2)
{
	struct fake_efi_disk *disk = &fake_efi.disks[fake_efi.disk_count++];

	*disk = (struct fake_efi_disk){
		.io = {.Media = &disk->media,
		       .ReadBlocks = read_blocks,
		       .WriteBlocks = write_blocks,
		       .FlushBlocks = flush_blocks},
		.io2 = {.Media = &disk->media, .ReadBlocksEx = read_blocks_ex},
		.media = {.MediaId = 5, .MediaPresent = TRUE, .BlockSize = sector_bytes, .LastBlock = sectors - 1},
		.has_io2 = has_io2,
		.bytes = bytes,
		.bad_lba = UINT64_MAX,
		.latency_us = 100,
		.ata = {.mode = &ata_mode, .pass_thru = ata_pass_thru, .get_device = ata_get_device},
		.ata_status = 0x50,
	};
	return disk;
}
