/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TSC calibrated against PIT channel 2, gate and output through the system control port B (Intel 8254 data sheet; IBM
 * PC/AT technical reference, port 0x61). No ACPI.
 */
#include "drivers/timer.h"

#include "drivers/io.h"
#include "lib/log.h"

#define PIT_CHANNEL2               0x42
#define PIT_COMMAND                0x43
#define PIT_COMMAND_CHANNEL2_COUNT 0xB0 /* channel 2, low then high byte, mode 0, binary */
#define PIT_COMMAND_CHANNEL2_LATCH 0x80
#define PIT_HZ                     1193182u
#define PIT_START                  0xFFFFu
#define PORT_B                     0x61
#define PORT_B_GATE2               0x01
#define PORT_B_SPEAKER             0x02

#define CALIBRATION_TICKS (PIT_HZ / 200) /* 5 ms */
#define CALIBRATION_STILL 20000u         /* readings of the same count: the PIT does not run */
#define CALIBRATION_READS 2000000u       /* whatever it does */
#define SAMPLE_TRIES      8
/* A reading of both clocks at one time. */
struct sample {
	uint64_t tsc;
	uint64_t uncertainty; /* cycles that the reading took */
	uint32_t ticks;       /* of the PIT since its start */
};

static struct sample read_both(void)
{
	const uint64_t before = timer_read_tsc();
	uint64_t after;
	uint32_t count;

	port_write8(PIT_COMMAND, PIT_COMMAND_CHANNEL2_LATCH);
	after = timer_read_tsc();
	count = port_read8(PIT_CHANNEL2);
	count |= (uint32_t)port_read8(PIT_CHANNEL2) << 8;
	return (struct sample){
		.tsc = before + (after - before) / 2, .uncertainty = after - before, .ticks = PIT_START - count};
}

/* The sharpest of a few readings: an interruption by the firmware, or by a host, blurs one of them at most. */
static struct sample read_sharply(void)
{
	struct sample best = read_both();

	for (unsigned i = 1; i < SAMPLE_TRIES; i++) {
		const struct sample next = read_both();

		if (next.uncertainty < best.uncertainty)
			best = next;
	}
	return best;
}

/* Waits for CALIBRATION_TICKS. False: they do not come. */
static bool wait_for_ticks(uint32_t start_ticks)
{
	uint32_t last = start_ticks;
	uint32_t still = 0;

	for (uint32_t reads = 0; reads < CALIBRATION_READS && still < CALIBRATION_STILL; reads++) {
		const uint32_t ticks = read_both().ticks;

		if (ticks >= start_ticks + CALIBRATION_TICKS)
			return true;
		still = ticks == last ? still + 1 : 0;
		last = ticks;
	}
	return false;
}

void timer_init(void)
{
	const uint8_t port_b = port_read8(PORT_B);
	struct sample start;
	struct sample end;
	bool runs;

	port_write8(PORT_B, (uint8_t)((port_b & ~PORT_B_SPEAKER) | PORT_B_GATE2));
	port_write8(PIT_COMMAND, PIT_COMMAND_CHANNEL2_COUNT);
	port_write8(PIT_CHANNEL2, PIT_START & 0xFF);
	port_write8(PIT_CHANNEL2, PIT_START >> 8);
	start = read_sharply();
	runs = wait_for_ticks(start.ticks);
	end = read_sharply();
	port_write8(PORT_B, port_b);

	if (!runs || end.ticks <= start.ticks) {
		log_line("timer: the PIT does not count; the TSC is taken for 5 GHz");
		return;
	}
	timer_set_frequency((end.tsc - start.tsc) * PIT_HZ / (end.ticks - start.ticks) / 1000000);
}
