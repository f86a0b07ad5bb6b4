/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio-blk driver over PCI (VIRTIO 1.2; its legacy interface is that of virtio 0.9.5): one disk a function. */
#pragma once

#include "drivers/driver.h"

extern const struct block_driver virtio_blk_driver;
