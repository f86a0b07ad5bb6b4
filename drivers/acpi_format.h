/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ACPI's static tables as they lie in memory (ACPI specification 6.5: RSDP 5.2.5.3, table header 5.2.6, FADT 5.2.9,
 * FACS 5.2.10, Generic Address Structure 5.2.3.2). Little endian, read through lib/span.h.
 */
#pragma once

#include "include/types.h"

#define ACPI_RSDP_SIGNATURE "RSD PTR "
#define ACPI_RSDP_ALIGNMENT 16
#define ACPI_RSDP_V1_BYTES  20 /* what the first checksum covers */
#define ACPI_RSDP_V2_BYTES  36

struct acpi_rsdp_format {
	char signature[8];
	uint8_t checksum;
	char oem_id[6];
	uint8_t revision; /* 2: the extended part is there */
	uint32_t rsdt_address;
	uint32_t length;
	uint64_t xsdt_address;
	uint8_t extended_checksum;
	uint8_t reserved[3];
} __attribute__((packed));

/* The entries of RSDT (u32) and XSDT (u64) follow this header. */
struct acpi_table_format {
	char signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	uint32_t creator_id;
	uint32_t creator_revision;
} __attribute__((packed));

#define ACPI_GAS_SYSTEM_IO 1

struct acpi_gas_format {
	uint8_t address_space_id;
	uint8_t register_bit_width;
	uint8_t register_bit_offset;
	uint8_t access_size;
	uint64_t address;
} __attribute__((packed));

#define ACPI_FADT_SIGNATURE "FACP"
#define ACPI_FADT_V1_BYTES  116 /* up to flags; all that every FADT has */

/* FADT flags */
#define ACPI_FADT_PWR_BUTTON      BIT(4) /* set: not fixed hardware */
#define ACPI_FADT_SLP_BUTTON      BIT(5) /* set: not fixed hardware */
#define ACPI_FADT_HW_REDUCED_ACPI BIT(20)

struct acpi_fadt_format {
	struct acpi_table_format header;
	uint32_t firmware_ctrl;
	uint32_t dsdt;
	uint8_t reserved0;
	uint8_t preferred_pm_profile;
	uint16_t sci_int;
	uint32_t smi_cmd;
	uint8_t acpi_enable;
	uint8_t acpi_disable;
	uint8_t s4bios_req;
	uint8_t pstate_cnt;
	uint32_t pm1a_evt_blk;
	uint32_t pm1b_evt_blk;
	uint32_t pm1a_cnt_blk;
	uint32_t pm1b_cnt_blk;
	uint32_t pm2_cnt_blk;
	uint32_t pm_tmr_blk;
	uint32_t gpe0_blk;
	uint32_t gpe1_blk;
	uint8_t pm1_evt_len;
	uint8_t pm1_cnt_len;
	uint8_t pm2_cnt_len;
	uint8_t pm_tmr_len;
	uint8_t gpe0_blk_len;
	uint8_t gpe1_blk_len;
	uint8_t gpe1_base;
	uint8_t cst_cnt;
	uint16_t p_lvl2_lat;
	uint16_t p_lvl3_lat;
	uint16_t flush_size;
	uint16_t flush_stride;
	uint8_t duty_offset;
	uint8_t duty_width;
	uint8_t day_alrm;
	uint8_t mon_alrm;
	uint8_t century;
	uint16_t iapc_boot_arch;
	uint8_t reserved1;
	uint32_t flags;
	struct acpi_gas_format reset_reg;
	uint8_t reset_value;
	uint16_t arm_boot_arch;
	uint8_t fadt_minor_version;
	uint64_t x_firmware_ctrl;
	uint64_t x_dsdt;
	struct acpi_gas_format x_pm1a_evt_blk;
	struct acpi_gas_format x_pm1b_evt_blk;
	struct acpi_gas_format x_pm1a_cnt_blk;
	struct acpi_gas_format x_pm1b_cnt_blk;
	struct acpi_gas_format x_pm2_cnt_blk;
	struct acpi_gas_format x_pm_tmr_blk;
	struct acpi_gas_format x_gpe0_blk;
	struct acpi_gas_format x_gpe1_blk;
} __attribute__((packed));

#define ACPI_FACS_SIGNATURE "FACS"
#define ACPI_FACS_BYTES_MIN 64

struct acpi_facs_format {
	char signature[4];
	uint32_t length;
	uint32_t hardware_signature;
} __attribute__((packed));

/* PM1 status and enable registers, 16 bits each (4.8.3.1). The status bits are cleared by writing 1. */
#define ACPI_PM1_TMR         BIT(0)
#define ACPI_PM1_BM_STS      BIT(4)
#define ACPI_PM1_GBL         BIT(5)
#define ACPI_PM1_PWRBTN      BIT(8)
#define ACPI_PM1_SLPBTN      BIT(9)
#define ACPI_PM1_RTC         BIT(10)
#define ACPI_PM1_PCIEXP_WAKE BIT(14)
#define ACPI_PM1_WAK_STS     BIT(15)

/* PM1 control register (4.8.3.2) */
#define ACPI_PM1_SCI_EN BIT(0)

_Static_assert(offsetof(struct acpi_rsdp_format, revision) == 15, "revision");
_Static_assert(offsetof(struct acpi_rsdp_format, rsdt_address) == 16, "rsdt_address");
_Static_assert(offsetof(struct acpi_rsdp_format, length) == ACPI_RSDP_V1_BYTES, "length");
_Static_assert(offsetof(struct acpi_rsdp_format, xsdt_address) == 24, "xsdt_address");
_Static_assert(sizeof(struct acpi_rsdp_format) == ACPI_RSDP_V2_BYTES, "rsdp");
_Static_assert(offsetof(struct acpi_table_format, length) == 4, "length");
_Static_assert(sizeof(struct acpi_table_format) == 36, "table header");
_Static_assert(sizeof(struct acpi_gas_format) == 12, "generic address");
_Static_assert(offsetof(struct acpi_gas_format, address) == 4, "address");
_Static_assert(offsetof(struct acpi_fadt_format, firmware_ctrl) == 36, "firmware_ctrl");
_Static_assert(offsetof(struct acpi_fadt_format, smi_cmd) == 48, "smi_cmd");
_Static_assert(offsetof(struct acpi_fadt_format, acpi_enable) == 52, "acpi_enable");
_Static_assert(offsetof(struct acpi_fadt_format, pm1a_evt_blk) == 56, "pm1a_evt_blk");
_Static_assert(offsetof(struct acpi_fadt_format, pm1b_evt_blk) == 60, "pm1b_evt_blk");
_Static_assert(offsetof(struct acpi_fadt_format, pm1a_cnt_blk) == 64, "pm1a_cnt_blk");
_Static_assert(offsetof(struct acpi_fadt_format, pm1b_cnt_blk) == 68, "pm1b_cnt_blk");
_Static_assert(offsetof(struct acpi_fadt_format, pm1_evt_len) == 88, "pm1_evt_len");
_Static_assert(offsetof(struct acpi_fadt_format, pm1_cnt_len) == 89, "pm1_cnt_len");
_Static_assert(offsetof(struct acpi_fadt_format, flags) == 112, "flags");
_Static_assert(offsetof(struct acpi_fadt_format, reset_reg) == ACPI_FADT_V1_BYTES, "reset_reg");
_Static_assert(offsetof(struct acpi_fadt_format, x_firmware_ctrl) == 132, "x_firmware_ctrl");
_Static_assert(offsetof(struct acpi_fadt_format, x_pm1a_evt_blk) == 148, "x_pm1a_evt_blk");
_Static_assert(offsetof(struct acpi_fadt_format, x_pm1b_cnt_blk) == 184, "x_pm1b_cnt_blk");
_Static_assert(offsetof(struct acpi_fadt_format, x_gpe1_blk) == 232, "x_gpe1_blk");
_Static_assert(offsetof(struct acpi_facs_format, hardware_signature) == 8, "hardware_signature");
