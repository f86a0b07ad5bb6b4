/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time from the TSC, whose frequency somebody else finds out (drivers/pit.c).
 */
#include "drivers/timer.h"

#define ASSUMED_CYCLES_PER_US 5000u /* no TSC is much faster: no wait is shorter than it must be */

static uint64_t cycles_per_us = ASSUMED_CYCLES_PER_US;

uint64_t timer_read_tsc(void)
{
	uint32_t low;
	uint32_t high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

void timer_set_frequency(uint64_t tsc_cycles_per_us)
{
	cycles_per_us = max_u64(tsc_cycles_per_us, 1);
}

uint64_t timer_now_us(void)
{
	return timer_read_tsc() / cycles_per_us;
}

struct delay {
	uint64_t end_us;
};

static bool delay_over(void *context)
{
	const struct delay *delay = context;

	return timer_now_us() >= delay->end_us;
}

void timer_delay_us(uint64_t us)
{
	struct delay delay = {timer_now_us() + us};

	ignore_status(poll_until(delay_over, &delay, us));
}

enum status poll_until(bool (*condition)(void *context), void *context, uint64_t timeout_us)
{
	const uint64_t start_us = timer_now_us();

	while (!condition(context)) {
		if (timer_now_us() - start_us >= timeout_us)
			return condition(context) ? STATUS_OK : STATUS_TIMEOUT;
		__asm__ volatile("pause");
	}
	return STATUS_OK;
}
