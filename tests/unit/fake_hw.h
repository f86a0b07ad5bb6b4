/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fake hardware for the driver tests: it defines all of drivers/io.h and drivers/timer.h (but timer_init) and sends
 * every access to the model that the test registered for that range. Time is virtual: it moves by one microsecond at
 * every register access and at every look at the clock, by the whole length of a delay, and while poll_until() polls in
 * steps that grow with the time already waited (by 1/256 of it), so that a wait of ten seconds costs a few thousand
 * polls.
 *
 * A test begins with fake_hw_reset(). An access that no model claims, that crosses a region's end or that is not
 * naturally aligned fails the test. All of it is linked weakly: a test may define any of these functions itself.
 */
#pragma once

#include "include/types.h"

/* Forgets all models, PCI functions and clock callbacks; the clock starts at 1 s again. */
void fake_hw_reset(void);

/* --- models ---------------------------------------------------------------------------------------------------- */

/* offset counts from the region's start; width_bytes: 1, 2, 4 or 8. */
struct fake_hw_ops {
	uint64_t (*read)(void *context, uint32_t offset, unsigned width_bytes);
	void (*write)(void *context, uint32_t offset, unsigned width_bytes, uint64_t value);
};

/* ops and context are kept, not copied. Regions may not overlap. */
void fake_hw_add_mmio(uint64_t base, uint64_t bytes, const struct fake_hw_ops *ops, void *context);

/* count I/O ports from first. A string transfer arrives as count single accesses of width 2. */
void fake_hw_add_ports(uint16_t first, uint32_t count, const struct fake_hw_ops *ops, void *context);

/* --- the clock ------------------------------------------------------------------------------------------------- */

/* Virtual time, without moving it. */
uint64_t fake_hw_now_us(void);

/* Moves the clock; callbacks see the new time. */
void fake_hw_advance_us(uint64_t us);

/*
 * Called whenever the clock has moved, for a model that finishes work after a while. A callback may touch its own
 * model, but makes no register access.
 */
void fake_hw_on_clock(void (*callback)(void *context, uint64_t now_us), void *context);

/* --- PCI configuration space (mechanism 1) --------------------------------------------------------------------- */

/*
 * One function. A write changes only the bits set in writable; that is also how a BAR is sized: the address bits
 * that its decoder compares are writable, the ones below the size read as they are. Registers outside config stay
 * as the test put them.
 */
struct fake_pci_function {
	uint8_t bus, device, function;
	uint8_t config[256];
	uint8_t writable[256];
	uint32_t reads, writes;
	/* Optional: called after each write. */
	void (*written)(struct fake_pci_function *function, uint8_t offset, unsigned width_bytes);
	void *context;
	/* Set when a BAR was written while the command register still had decoding on for its space. */
	bool sized_while_decoding;
};

/*
 * Fills *function: identity, class (0xCCSSPP), header type 0, a writable command register, nothing else, and adds it
 * (kept, not copied). The ports 0xCF8-0xCFF are claimed by the first call.
 */
void fake_pci_add(struct fake_pci_function *function, uint8_t bus, uint8_t device, uint8_t number,
		  uint32_t vendor_device, uint32_t class_code);

/* Makes BAR index a decoder. bytes: a power of two. low_bits: the type bits (1: I/O, 4: 64-bit memory, 8: prefetch). */
void fake_pci_set_bar(struct fake_pci_function *function, unsigned index, uint64_t base, uint64_t bytes,
		      uint32_t low_bits);

void fake_pci_set8(struct fake_pci_function *function, uint8_t offset, uint8_t value);
void fake_pci_set16(struct fake_pci_function *function, uint8_t offset, uint16_t value);
void fake_pci_set32(struct fake_pci_function *function, uint8_t offset, uint32_t value);
uint32_t fake_pci_get32(const struct fake_pci_function *function, uint8_t offset);

/* True while the command register has bus mastering on. */
bool fake_pci_is_bus_master(const struct fake_pci_function *function);
