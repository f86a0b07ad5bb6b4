/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The AHCI driver (Serial ATA AHCI 1.3.1): every controller of class 01h/06h/01h, every port with an ATA disk. */
#pragma once

#include "drivers/driver.h"

extern const struct block_driver ahci_driver;
