/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NVMe driver (NVM Express 1.0 to 2.0 over PCIe): every controller of class 01h/08h/02h, every namespace. */
#pragma once

#include "drivers/driver.h"

extern const struct block_driver nvme_driver;
