/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loader's two doors: the normal one, and the one for exceptions.
 */
#pragma once

#include "include/boot_info.h"
#include "include/exception.h"
#include "include/status.h"

/* Resumes or boots normally. status: whether info could be read; kept by the caller. */
_Noreturn void loader_main(const struct boot_info *info, enum status status);

/* An exception in Thaw itself: says so and boots normally; behind the mark only a reset is left. */
_Noreturn void loader_on_exception(const struct exception_frame *frame);
