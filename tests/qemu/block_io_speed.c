/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast the firmware reads: the first disk that is no partition, from a given megabyte on, by UEFI Block I/O alone
 * (UEFI 2.10, 13.9).  Shares nothing with Thaw.  Built and started by bench_efi.py; options: "START_MIB LENGTH_MIB".
 */
#include <efi.h>
#include <efilib.h>

#define MIB      (1024 * 1024)
#define STALL_US 100000
#define LARGEST  16

static UINT64 read_tsc(void)
{
	UINT32 low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high));
	return (UINT64)high << 32 | low;
}

static UINT64 calibrate_tsc_per_us(void)
{
	const UINT64 start = read_tsc();

	uefi_call_wrapper(BS->Stall, 1, STALL_US);
	return (read_tsc() - start) / STALL_US;
}

static EFI_BLOCK_IO *find_disk(void)
{
	EFI_HANDLE *handles;
	EFI_BLOCK_IO *block_io;
	UINTN count;

	if (EFI_ERROR(LibLocateHandle(ByProtocol, &BlockIoProtocol, NULL, &count, &handles)))
		return NULL;
	for (UINTN i = 0; i < count; i++) {
		if (EFI_ERROR(
			    uefi_call_wrapper(BS->HandleProtocol, 3, handles[i], &BlockIoProtocol, (void **)&block_io)))
			continue;
		if (block_io->Media->MediaPresent && !block_io->Media->LogicalPartition)
			return block_io;
	}
	return NULL;
}

static EFI_STATUS read_all(EFI_BLOCK_IO *disk, UINT64 start_mib, UINT64 length_mib, UINT64 step_mib, UINT8 *memory)
{
	const UINT32 block = disk->Media->BlockSize;
	EFI_STATUS status = EFI_SUCCESS;

	for (UINT64 at = 0; at + step_mib <= length_mib && !EFI_ERROR(status); at += step_mib)
		status = uefi_call_wrapper(disk->ReadBlocks, 5, disk, disk->Media->MediaId,
					   (start_mib + at) * MIB / block, step_mib * MIB, memory + at * MIB);
	return status;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table)
{
	EFI_PHYSICAL_ADDRESS memory = 0;
	UINT64 start_mib, length_mib, per_us;
	EFI_LOADED_IMAGE *loaded;
	EFI_BLOCK_IO *disk;
	CHAR16 *length;

	InitializeLib(image, table);
	uefi_call_wrapper(BS->HandleProtocol, 3, image, &LoadedImageProtocol, (void **)&loaded);
	start_mib = Atoi(loaded->LoadOptions);
	for (length = loaded->LoadOptions; *length != L' '; length++)
		;
	length_mib = Atoi(length + 1) / LARGEST * LARGEST;
	disk = find_disk();
	if (!disk || EFI_ERROR(uefi_call_wrapper(BS->AllocatePages, 4, AllocateAnyPages, EfiLoaderData,
						 length_mib * MIB / EFI_PAGE_SIZE, &memory))) {
		Print(L"block-io: no disk or no memory\r\n");
		return EFI_SUCCESS;
	}
	per_us = calibrate_tsc_per_us();
	for (UINT64 step_mib = 1; step_mib <= LARGEST; step_mib *= 4) {
		const UINT64 start = read_tsc();
		const EFI_STATUS status = read_all(disk, start_mib, length_mib, step_mib, (UINT8 *)memory);

		Print(L"block-io: %ld bytes by %ld MiB in %ld us: %r\r\n", length_mib * MIB, step_mib,
		      (read_tsc() - start) / per_us, status);
	}
	Print(L"block-io: done\r\n");
	return EFI_SUCCESS;
}
