/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the two halves of the AHCI register model: the controller (fake_ahci.c) and its disks (fake_ahci_disk.c). */
#pragma once

#include "drivers/ata/ahci_format.h"
#include "tests/unit/fake_ahci.h"

/* A command as the controller fetched it from its slot. */
struct command {
	struct ahci_command_header *header;
	const uint8_t *fis;
	const struct ahci_prd *prds;
	uint32_t prd_count;
	uint8_t opcode;
	uint64_t lba;
	uint32_t count;
};

bool fake_ahci_is_queued(uint8_t opcode);

/* Checks header and FIS against the specification. */
struct command fake_ahci_fetch(const struct fake_ahci_port *port, unsigned slot);

/* Does what the command says. True: good status. */
bool fake_ahci_execute(struct fake_ahci_port *port, const struct command *command);

/* True, and one time less, while a fault is to happen. */
bool fake_ahci_consume(uint32_t *times);
