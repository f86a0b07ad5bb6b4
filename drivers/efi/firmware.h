/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The firmware's services (UEFI specification 2.10, chapters 4, 7 and 8), and what Thaw takes of the machine while it
 * runs as an application: nothing that firmware_leave does not give back.
 */
#pragma once

#include <efi.h>

#include "include/status.h"
#include "include/types.h"

struct firmware {
	EFI_HANDLE image;
	EFI_SYSTEM_TABLE *system;
	EFI_BOOT_SERVICES *boot;
	EFI_RUNTIME_SERVICES *runtime;
	EFI_LOADED_IMAGE *loaded; /* Thaw itself */
};

/* Valid after firmware_init. */
extern struct firmware firmware;

/* lidt's operand (Intel SDM volume 2). */
struct firmware_table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

/* Takes the services; remembers the CPU's IDT and page tables. STATUS_UNSUPPORTED: a service is missing. */
nodiscard enum status firmware_init(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

/* For firmware_init. */
void firmware_save_cpu(void);

/* The interrupt table and the root of the page tables that the firmware runs on. */
struct firmware_table_pointer firmware_idt(void);
uint64_t firmware_page_root(void);

/* Thaw's own handlers or tables are no longer used. */
void firmware_restore_cpu(void);

/* Wherever an exception came from: task priority and interrupts as an application has them. */
void firmware_recover_priority(void);

/* STATUS_OK for EFI_SUCCESS; otherwise the code that comes closest. */
enum status firmware_status(EFI_STATUS status);

/* A protocol on a handle; NULL: it has none. */
void *firmware_protocol(EFI_HANDLE handle, const EFI_GUID *guid);

bool firmware_guid_equal(const EFI_GUID *a, const EFI_GUID *b);
