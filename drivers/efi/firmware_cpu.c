/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CPU as the firmware had it (UEFI specification 2.10, 2.3.4).
 */
#include "drivers/efi/firmware.h"
#include "include/cpu.h"

static struct firmware_table_pointer saved_idt;
static uint64_t saved_root;

void firmware_save_cpu(void)
{
	__asm__ volatile("sidt %0" : "=m"(saved_idt));
	saved_root = cpu_read_cr3();
}

struct firmware_table_pointer firmware_idt(void)
{
	return saved_idt;
}

uint64_t firmware_page_root(void)
{
	return saved_root;
}

void firmware_restore_cpu(void)
{
	__asm__ volatile("lidt %0" : : "m"(saved_idt));
	cpu_write_cr3(saved_root);
}

void firmware_recover_priority(void)
{
	/* Only from the top can it be lowered, whatever it was. */
	(void)firmware.boot->RaiseTPL(TPL_HIGH_LEVEL);
	firmware.boot->RestoreTPL(TPL_APPLICATION);
	__asm__ volatile("sti");
}
