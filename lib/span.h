/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bounded view of bytes from outside, and explicit little-endian reads from it. A read that does not fit returns
 * 0 and sets the span's failed flag, which sticks: parse first, ask span_ok() once before believing anything.
 */
#pragma once

#include "include/types.h"

struct span {
	const uint8_t *bytes;
	size_t size;
	bool failed;
};

static inline struct span span_of(const void *bytes, size_t size)
{
	return (struct span){.bytes = bytes, .size = size, .failed = false};
}

static inline bool span_ok(const struct span *span)
{
	return !span->failed;
}

/* 8 bytes, little endian as the CPU is; bounded by the caller. */
static inline uint64_t load_le64(const uint8_t *bytes)
{
	uint64_t value;

	__builtin_memcpy(&value, bytes, sizeof(value));
	return value;
}

/* True when [offset, offset + count) lies in the span; otherwise marks the span failed. */
static inline bool span_has(struct span *span, size_t offset, size_t count)
{
	if (offset <= span->size && count <= span->size - offset)
		return true;
	span->failed = true;
	return false;
}

static inline uint64_t span_read_le(struct span *span, size_t offset, size_t count)
{
	uint64_t value = 0;

	if (!span_has(span, offset, count))
		return 0;
	for (size_t i = 0; i < count; i++)
		value |= (uint64_t)span->bytes[offset + i] << (8 * i);
	return value;
}

static inline uint8_t span_u8(struct span *span, size_t offset)
{
	return (uint8_t)span_read_le(span, offset, 1);
}

static inline uint16_t span_u16(struct span *span, size_t offset)
{
	return (uint16_t)span_read_le(span, offset, 2);
}

static inline uint32_t span_u32(struct span *span, size_t offset)
{
	return (uint32_t)span_read_le(span, offset, 4);
}

static inline uint64_t span_u64(struct span *span, size_t offset)
{
	return span_read_le(span, offset, 8);
}

/* The part [offset, offset + count), empty and failed when it does not fit. */
static inline struct span span_part(struct span *span, size_t offset, size_t count)
{
	if (!span_has(span, offset, count))
		return (struct span){.bytes = span->bytes, .size = 0, .failed = true};
	return span_of(span->bytes + offset, count);
}
