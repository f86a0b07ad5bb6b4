/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reset by the keyboard controller (IBM PC/AT technical reference, 8042 command FEh), the reset control register (Intel
 * PCH, port 0xCF9) and a triple fault.
 */
#include "drivers/reset.h"

#include "drivers/io.h"
#include "drivers/timer.h"

#define KEYBOARD_STATUS      0x64
#define KEYBOARD_INPUT_FULL  0x02
#define KEYBOARD_PULSE_RESET 0xFE
#define RESET_CONTROL        0xCF9
#define RESET_CONTROL_SYSTEM 0x02
#define RESET_CONTROL_CPU    0x04 /* the reset begins when this bit rises */
#define RESET_WAIT_US        50000

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static bool keyboard_ready(void *context)
{
	(void)context;
	return !(port_read8(KEYBOARD_STATUS) & KEYBOARD_INPUT_FULL);
}

void machine_reset(void)
{
	const struct table_pointer nothing = {0, 0};

	ignore_status(poll_until(keyboard_ready, NULL, RESET_WAIT_US));
	port_write8(KEYBOARD_STATUS, KEYBOARD_PULSE_RESET);
	timer_delay_us(RESET_WAIT_US);
	port_write8(RESET_CONTROL, RESET_CONTROL_SYSTEM);
	port_write8(RESET_CONTROL, RESET_CONTROL_SYSTEM | RESET_CONTROL_CPU);
	timer_delay_us(RESET_WAIT_US);
	for (;;) {
		__asm__ volatile("lidt %0" : : "m"(nothing));
		__asm__ volatile("int3");
	}
}
