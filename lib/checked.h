/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arithmetic on numbers from outside: false when it overflows, and then nothing is to be believed of *result_out.
 */
#pragma once

#include "include/types.h"

__attribute__((warn_unused_result)) static inline bool checked_add_u64(uint64_t a, uint64_t b, uint64_t *result_out)
{
	return !__builtin_add_overflow(a, b, result_out);
}

__attribute__((warn_unused_result)) static inline bool checked_mul_u64(uint64_t a, uint64_t b, uint64_t *result_out)
{
	return !__builtin_mul_overflow(a, b, result_out);
}
