/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks behind PCI IDE controllers (class 01, subclass 01), in compatibility or native mode, SATA controllers in IDE
 * mode included: bus-master DMA, PIO where there is none. ATAPI devices are passed over. An IDE controller without a
 * PCI function is not found.
 */
#pragma once

#include "drivers/driver.h"

extern const struct block_driver ide_driver;
