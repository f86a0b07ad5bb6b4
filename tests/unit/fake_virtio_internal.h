/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the halves of the virtio model: registers (fake_virtio.c), and queue and disk (fake_virtio_disk.c). */
#pragma once

#include "tests/unit/fake_virtio.h"

/* Takes from the available ring what is new there. */
void fake_virtio_fetch(struct fake_virtio *virtio);

/* Finishes what is due. */
void fake_virtio_run(struct fake_virtio *virtio, uint64_t now_us);
