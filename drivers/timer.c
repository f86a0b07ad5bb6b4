/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TSC calibrated against PIT channel 2, gate and output through the system control port B (Intel 8254 data sheet; IBM
 * PC/AT technical reference, port 0x61). No ACPI.
 */
#include "drivers/timer.h"

#include "drivers/io.h"
#include "lib/log.h"

#define PIT_CHANNEL2 0x42
#define PIT_COMMAND 0x43
#define PIT_COMMAND_CHANNEL2_ONESHOT 0xB0 /* channel 2, low then high byte, mode 0, binary */
#define PIT_HZ 1193182u
#define PORT_B 0x61
#define PORT_B_GATE2 0x01
#define PORT_B_SPEAKER 0x02
#define PORT_B_OUT2 0x20

#define CALIBRATION_US 10000u
#define CALIBRATION_TICKS (PIT_HZ / (1000000u / CALIBRATION_US))
#define CALIBRATION_POLLS 200000u /* x about 1 us a port read: 200 ms at most */
#define ASSUMED_CYCLES_PER_US 1000u

static uint64_t cycles_per_us = ASSUMED_CYCLES_PER_US;

static uint64_t read_tsc(void)
{
	uint32_t low;
	uint32_t high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

void timer_init(void)
{
	const uint8_t port_b = port_read8(PORT_B);
	uint32_t polls = 0;
	uint64_t start;
	uint64_t cycles;

	port_write8(PORT_B, (uint8_t)((port_b & ~PORT_B_SPEAKER) | PORT_B_GATE2));
	port_write8(PIT_COMMAND, PIT_COMMAND_CHANNEL2_ONESHOT);
	port_write8(PIT_CHANNEL2, (uint8_t)(CALIBRATION_TICKS & 0xFF));
	port_write8(PIT_CHANNEL2, (uint8_t)(CALIBRATION_TICKS >> 8));
	start = read_tsc();
	while (!(port_read8(PORT_B) & PORT_B_OUT2) && polls < CALIBRATION_POLLS)
		polls++;
	cycles = read_tsc() - start;
	port_write8(PORT_B, port_b);

	if (polls == 0 || polls == CALIBRATION_POLLS || cycles < CALIBRATION_US) {
		log_line("timer: the PIT does not count; the TSC is taken for 1 GHz");
		return;
	}
	cycles_per_us = cycles / CALIBRATION_US;
}

uint64_t timer_now_us(void)
{
	return read_tsc() / cycles_per_us;
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
