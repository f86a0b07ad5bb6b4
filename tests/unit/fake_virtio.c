/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of the virtio model; see fake_virtio.h. */
#include "tests/unit/fake_virtio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "drivers/virtio/virtio_blk.h"
#include "drivers/virtio/virtio_regs.h"
#include "tests/unit/fake_virtio_internal.h"

#define ARENA_BYTES_MOST  ((size_t)4 << 20)
#define ARENA_USED_BYTES  ((size_t)512 << 10) /* more than the driver takes */
#define PCI_COMMAND_BYTE  4
#define PCI_STATUS_WORD   6
#define PCI_CAPABILITIES  0x34
#define BAR_BYTES         0x4000
#define PORTS             0x40
#define NOTIFY_MULTIPLIER 4
#define LEGACY_FEATURES   UINT32_MAX

/* --- the device status ----------------------------------------------------------------------------------------- */

static void reset_finish(struct fake_virtio *virtio)
{
	virtio->reset_due_us = 0;
	virtio->status = 0;
	virtio->driver_features = 0;
	virtio->is_enabled = false;
	/* Not specified: what is needed is to be written. */
	virtio->desc = virtio->avail = virtio->used = UINT64_MAX;
	virtio->queue_select = 1;
	virtio->avail_seen = virtio->used_index = 0;
	virtio->chain_count = 0;
	virtio->size_set = virtio->queue_size;
	if (virtio->shrinks_queue != 0)
		virtio->size_set = virtio->queue_size = virtio->shrinks_queue;
	virtio->features &= ~virtio->loses_features;
}

static bool is_stuck(const struct fake_virtio *virtio)
{
	return virtio->is_reset_stuck || (virtio->sticks_after != 0 && virtio->resets > virtio->sticks_after);
}

static void clock(void *context, uint64_t now_us)
{
	struct fake_virtio *virtio = context;

	/* Until the reset is over it goes on. */
	fake_virtio_run(virtio, now_us);
	if (virtio->reset_due_us != 0 && now_us >= virtio->reset_due_us && !is_stuck(virtio))
		reset_finish(virtio);
}

static void status_write(struct fake_virtio *virtio, uint8_t value)
{
	const uint8_t risen = value & (uint8_t)~virtio->status;

	if (value == 0) {
		virtio->resets++;
		virtio->reset_due_us = fake_hw_now_us() + virtio->reset_us;
		if (virtio->reset_us == 0 && !is_stuck(virtio))
			reset_finish(virtio);
		return;
	}
	assert_true(virtio->reset_due_us == 0);
	assert_int_equal(virtio->status & ~value & ~VIRTIO_STATUS_FEATURES_OK, 0); /* bits only come */
	if ((risen & VIRTIO_STATUS_DRIVER) != 0)
		assert_true((virtio->status & VIRTIO_STATUS_ACKNOWLEDGE) != 0);
	if ((risen & VIRTIO_STATUS_FEATURES_OK) != 0) {
		assert_true(virtio->is_modern_used && (virtio->status & VIRTIO_STATUS_DRIVER) != 0);
		if (virtio->refuses_features)
			value &= (uint8_t)~VIRTIO_STATUS_FEATURES_OK;
	}
	if ((risen & VIRTIO_STATUS_DRIVER_OK) != 0) {
		assert_true(virtio->is_enabled);
		assert_true(((virtio->status & VIRTIO_STATUS_FEATURES_OK) != 0) == virtio->is_modern_used);
		/* It may look at once: the rings are empty. */
		assert_true(((const volatile uint16_t *)(uintptr_t)virtio->avail)[1] == 0);
		assert_true(((const volatile uint16_t *)(uintptr_t)virtio->used)[1] == 0);
		/* Devices take it back otherwise. */
		assert_true(fake_pci_is_bus_master(&virtio->pci));
	}
	virtio->status = value;
}

static void features_write(struct fake_virtio *virtio, uint64_t features)
{
	assert_true((virtio->status & VIRTIO_STATUS_DRIVER) != 0);
	assert_int_equal(virtio->status & (VIRTIO_STATUS_FEATURES_OK | VIRTIO_STATUS_DRIVER_OK), 0);
	assert_true((features & ~virtio->features) == 0);
	virtio->driver_features = features;
}

static void queue_enable(struct fake_virtio *virtio)
{
	assert_false(virtio->is_enabled);
	assert_int_equal(virtio->status & VIRTIO_STATUS_DRIVER_OK, 0);
	assert_int_equal(virtio->desc % 16, 0);
	assert_int_equal(virtio->avail % 2, 0);
	assert_int_equal(virtio->used % 4, 0);
	assert_true(virtio->desc < (uint64_t)1 << 47 && virtio->avail < (uint64_t)1 << 47);
	assert_true(virtio->used < (uint64_t)1 << 47);
	virtio->is_enabled = true;
}

static void notify(struct fake_virtio *virtio, uint64_t value)
{
	assert_int_equal(value, 0);
	assert_true((virtio->status & VIRTIO_STATUS_DRIVER_OK) != 0 && virtio->reset_due_us == 0);
	assert_true(fake_pci_is_bus_master(&virtio->pci));
	assert_true(!virtio->wants_no_notify || virtio->chain_count == 0);
	virtio->notifications++;
	fake_virtio_fetch(virtio);
}

/* --- configuration --------------------------------------------------------------------------------------------- */

static uint64_t config_read(struct fake_virtio *virtio, uint32_t offset, unsigned width)
{
	assert_int_equal(width, 4);
	switch (offset) {
	case VIRTIO_BLK_CONFIG_CAPACITY:
		return (uint32_t)virtio->capacity;
	case VIRTIO_BLK_CONFIG_CAPACITY + 4:
		if (virtio->torn_configs > 0) {
			virtio->torn_configs--;
			virtio->capacity += (uint64_t)1 << 32 | 8;
		}
		return virtio->capacity >> 32;
	case VIRTIO_BLK_CONFIG_SIZE_MAX:
		assert_true((virtio->driver_features & VIRTIO_BLK_F_SIZE_MAX) != 0);
		return virtio->size_max;
	case VIRTIO_BLK_CONFIG_SEG_MAX:
		assert_true((virtio->driver_features & VIRTIO_BLK_F_SEG_MAX) != 0);
		return virtio->seg_max;
	case VIRTIO_BLK_CONFIG_BLK_SIZE:
		assert_true((virtio->driver_features & VIRTIO_BLK_F_BLK_SIZE) != 0);
		return virtio->blk_size;
	default:
		fail_msg("read of configuration %#x", offset);
		return 0;
	}
}

/* --- the modern interface -------------------------------------------------------------------------------------- */

static uint64_t common_read(const struct fake_virtio *virtio, uint32_t offset, unsigned width)
{
	switch (offset) {
	case VIRTIO_COMMON_DEVICE_FEATURE:
		assert_int_equal(width, 4);
		return (uint32_t)(virtio->features >> (32 * virtio->device_feature_select));
	case VIRTIO_COMMON_DEVICE_STATUS:
		assert_int_equal(width, 1);
		return virtio->status;
	case VIRTIO_COMMON_QUEUE_SIZE:
		assert_true(width == 2 && virtio->queue_select == 0);
		return virtio->size_set;
	case VIRTIO_COMMON_QUEUE_NOTIFY_OFF:
		assert_true(width == 2 && virtio->queue_select == 0);
		return virtio->notify_off;
	default:
		fail_msg("read of common register %#x", offset);
		return 0;
	}
}

static void half_write(uint64_t *address, uint64_t value, bool is_high)
{
	*address = is_high ? value << 32 | (uint32_t)*address : (*address >> 32 << 32) | value;
}

static void queue_register_write(struct fake_virtio *virtio, uint32_t offset, unsigned width, uint64_t value)
{
	assert_true((virtio->status & VIRTIO_STATUS_FEATURES_OK) != 0);
	assert_false(virtio->is_enabled);
	assert_int_equal(virtio->queue_select, 0);
	switch (offset & ~(uint32_t)4) {
	case VIRTIO_COMMON_QUEUE_SIZE:
		if (offset == VIRTIO_COMMON_QUEUE_ENABLE) {
			assert_true(width == 2 && value == 1);
			queue_enable(virtio);
			return;
		}
		assert_true(width == 2 && value > 0 && (value & (value - 1)) == 0 && value <= virtio->queue_size);
		virtio->size_set = (uint16_t)value;
		return;
	case VIRTIO_COMMON_QUEUE_DESC:
		half_write(&virtio->desc, value, (offset & 4) != 0);
		break;
	case VIRTIO_COMMON_QUEUE_DRIVER & ~4:
		half_write(&virtio->avail, value, (offset & 4) != 0);
		break;
	case VIRTIO_COMMON_QUEUE_DEVICE:
		half_write(&virtio->used, value, (offset & 4) != 0);
		break;
	default:
		fail_msg("write of common register %#x", offset);
	}
	assert_int_equal(width, 4);
}

static void common_write(struct fake_virtio *virtio, uint32_t offset, unsigned width, uint64_t value)
{
	virtio->is_modern_used = true;
	switch (offset) {
	case VIRTIO_COMMON_DEVICE_FEATURE_SELECT:
		assert_true(width == 4 && value < 2);
		virtio->device_feature_select = (uint32_t)value;
		break;
	case VIRTIO_COMMON_DRIVER_FEATURE_SELECT:
		assert_true(width == 4 && value < 2);
		virtio->driver_feature_select = (uint32_t)value;
		break;
	case VIRTIO_COMMON_DRIVER_FEATURE:
		half_write(&virtio->driver_features, value, virtio->driver_feature_select == 1);
		features_write(virtio, virtio->driver_features);
		break;
	case VIRTIO_COMMON_DEVICE_STATUS:
		assert_int_equal(width, 1);
		status_write(virtio, (uint8_t)value);
		break;
	case VIRTIO_COMMON_QUEUE_SELECT:
		assert_true(width == 2 && value == 0);
		virtio->queue_select = 0;
		break;
	default:
		queue_register_write(virtio, offset, width, value);
	}
}

static uint64_t mmio_model_read(void *context, uint32_t offset, unsigned width)
{
	struct fake_virtio *virtio = context;

	assert_true((virtio->pci.config[PCI_COMMAND_BYTE] & 2) != 0);
	if (virtio->is_removed)
		return UINT64_MAX;
	if (offset >= FAKE_VIRTIO_DEVICE)
		return config_read(virtio, offset - FAKE_VIRTIO_DEVICE, width);
	return common_read(virtio, offset - FAKE_VIRTIO_COMMON, width);
}

static void mmio_model_write(void *context, uint32_t offset, unsigned width, uint64_t value)
{
	struct fake_virtio *virtio = context;

	assert_true((virtio->pci.config[PCI_COMMAND_BYTE] & 2) != 0);
	if (virtio->is_removed)
		return;
	if (offset < FAKE_VIRTIO_DEVICE) {
		common_write(virtio, offset, width, value);
		return;
	}
	assert_int_equal(width, 2);
	assert_int_equal(offset, virtio->notify_at != 0
					 ? virtio->notify_at
					 : FAKE_VIRTIO_NOTIFY + virtio->notify_off * (uint32_t)NOTIFY_MULTIPLIER);
	notify(virtio, value);
}

static const struct fake_hw_ops mmio_ops = {mmio_model_read, mmio_model_write};

/* --- the legacy interface -------------------------------------------------------------------------------------- */

static uint64_t port_model_read(void *context, uint32_t offset, unsigned width)
{
	struct fake_virtio *virtio = context;

	assert_true((virtio->pci.config[PCI_COMMAND_BYTE] & 1) != 0);
	if (virtio->is_removed)
		return UINT64_MAX;
	/* With MSI-X the device's own registers begin elsewhere. */
	assert_int_equal(fake_pci_get32(&virtio->pci, FAKE_VIRTIO_CAP_MSIX) >> 31, 0);
	switch (offset) {
	case VIRTIO_LEGACY_DEVICE_FEATURES:
		assert_int_equal(width, 4);
		return virtio->features & LEGACY_FEATURES;
	case VIRTIO_LEGACY_QUEUE_SIZE:
		assert_true(width == 2 && virtio->queue_select == 0);
		return virtio->queue_size;
	case VIRTIO_LEGACY_DEVICE_STATUS:
		assert_int_equal(width, 1);
		return virtio->status;
	default:
		assert_true(offset >= VIRTIO_LEGACY_CONFIG);
		return config_read(virtio, offset - VIRTIO_LEGACY_CONFIG, width);
	}
}

static void legacy_queue_set(struct fake_virtio *virtio, uint64_t page)
{
	assert_true((virtio->status & VIRTIO_STATUS_DRIVER) != 0);
	virtio->size_set = virtio->queue_size;
	virtio->desc = page << PAGE_SHIFT;
	virtio->avail = virtio->desc + 16 * (uint64_t)virtio->queue_size;
	virtio->used = align_up(virtio->avail + 6 + 2 * (uint64_t)virtio->queue_size, 4096);
	queue_enable(virtio);
}

static void port_model_write(void *context, uint32_t offset, unsigned width, uint64_t value)
{
	struct fake_virtio *virtio = context;

	assert_true((virtio->pci.config[PCI_COMMAND_BYTE] & 1) != 0);
	if (virtio->is_removed)
		return;
	switch (offset) {
	case VIRTIO_LEGACY_DRIVER_FEATURES:
		assert_int_equal(width, 4);
		features_write(virtio, value);
		break;
	case VIRTIO_LEGACY_QUEUE_ADDRESS:
		assert_true(width == 4 && virtio->queue_select == 0);
		legacy_queue_set(virtio, value);
		break;
	case VIRTIO_LEGACY_QUEUE_SELECT:
		assert_true(width == 2 && value == 0);
		virtio->queue_select = 0;
		break;
	case VIRTIO_LEGACY_QUEUE_NOTIFY:
		assert_int_equal(width, 2);
		notify(virtio, value);
		break;
	case VIRTIO_LEGACY_DEVICE_STATUS:
		assert_int_equal(width, 1);
		virtio->is_modern_used = false;
		status_write(virtio, (uint8_t)value);
		break;
	default:
		fail_msg("write of legacy register %#x", offset);
	}
}

static const struct fake_hw_ops port_ops = {port_model_read, port_model_write};

/* --- for the tests --------------------------------------------------------------------------------------------- */

static void capability_add(struct fake_virtio *virtio, uint8_t at, uint8_t next, uint8_t type, uint32_t offset,
			   uint32_t bytes)
{
	const uint8_t length = type == VIRTIO_PCI_CAP_NOTIFY_CFG ? 20 : 16;

	fake_pci_set32(&virtio->pci, at,
		       PCI_CAPABILITY_VENDOR | (uint32_t)next << 8 | (uint32_t)length << 16 | (uint32_t)type << 24);
	fake_pci_set8(&virtio->pci, at + VIRTIO_PCI_CAP_BAR, 4);
	fake_pci_set32(&virtio->pci, at + VIRTIO_PCI_CAP_OFFSET, offset);
	fake_pci_set32(&virtio->pci, at + VIRTIO_PCI_CAP_LENGTH, bytes);
	if (type == VIRTIO_PCI_CAP_NOTIFY_CFG)
		fake_pci_set32(&virtio->pci, at + VIRTIO_PCI_CAP_NOTIFY_MULTIPLIER, NOTIFY_MULTIPLIER);
}

void fake_virtio_init(struct fake_virtio *virtio)
{
	fake_hw_reset();
	fake_log_begin();
	memset(virtio, 0, sizeof(*virtio));
	virtio->features = VIRTIO_BLK_F_SEG_MAX | BIT64(4) | VIRTIO_BLK_F_BLK_SIZE | VIRTIO_BLK_F_FLUSH | BIT64(10) |
			   BIT64(11) | BIT64(27) | VIRTIO_F_INDIRECT_DESC | BIT64(29) | VIRTIO_F_VERSION_1 | BIT64(34);
	virtio->queue_size = virtio->size_set = 256;
	virtio->capacity = (uint64_t)1 << 21;
	virtio->seg_max = 254;
	virtio->blk_size = 512;
	virtio->latency_us = 100;
	virtio->has_write_cache = true;
	virtio->arena_bytes = ARENA_BYTES_MOST;
	virtio->bad_status = 1;
	memcpy(virtio->id, "FAKE-SERIAL", 11);
	fake_pci_add(&virtio->pci, 0, 4, 0, 0x10011AF4, 0x010000);
	fake_pci_set_bar(&virtio->pci, 0, FAKE_VIRTIO_PORTS, PORTS, 1);
	fake_pci_set_bar(&virtio->pci, 4, FAKE_VIRTIO_MMIO, BAR_BYTES, 4);
	fake_pci_set16(&virtio->pci, PCI_COMMAND_BYTE, 0x0003);
	fake_pci_set16(&virtio->pci, PCI_STATUS_WORD, 0x0010);
	fake_pci_set8(&virtio->pci, PCI_CAPABILITIES, FAKE_VIRTIO_CAP_MSIX);
	fake_pci_set32(&virtio->pci, FAKE_VIRTIO_CAP_MSIX, PCI_CAPABILITY_MSIX | FAKE_VIRTIO_CAP_COMMON << 8);
	virtio->pci.writable[FAKE_VIRTIO_CAP_MSIX + 3] = 0xC0;
	capability_add(virtio, FAKE_VIRTIO_CAP_COMMON, FAKE_VIRTIO_CAP_NOTIFY, VIRTIO_PCI_CAP_COMMON_CFG,
		       FAKE_VIRTIO_COMMON, 0x38);
	capability_add(virtio, FAKE_VIRTIO_CAP_NOTIFY, FAKE_VIRTIO_CAP_DEVICE, VIRTIO_PCI_CAP_NOTIFY_CFG,
		       FAKE_VIRTIO_NOTIFY, 0x1000);
	capability_add(virtio, FAKE_VIRTIO_CAP_DEVICE, 0, VIRTIO_PCI_CAP_DEVICE_CFG, FAKE_VIRTIO_DEVICE, 0x40);
	fake_hw_add_ports(FAKE_VIRTIO_PORTS, PORTS, &port_ops, virtio);
	fake_hw_add_mmio(FAKE_VIRTIO_MMIO, BAR_BYTES, &mmio_ops, virtio);
	fake_hw_on_clock(clock, virtio);
}

void fake_virtio_make_legacy(struct fake_virtio *virtio)
{
	/* MSI-X stays. */
	fake_pci_set8(&virtio->pci, FAKE_VIRTIO_CAP_MSIX + 1, 0);
	virtio->features &= LEGACY_FEATURES;
}

void fake_virtio_make_modern(struct fake_virtio *virtio)
{
	fake_pci_set32(&virtio->pci, 0, 0x10421AF4);
	fake_pci_set32(&virtio->pci, 0x10, 0);
	memset(&virtio->pci.writable[0x10], 0, 4);
}

void fake_virtio_leave_running(struct fake_virtio *virtio, uint64_t queue)
{
	virtio->status = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER;
	legacy_queue_set(virtio, queue >> PAGE_SHIFT);
	virtio->status |= VIRTIO_STATUS_DRIVER_OK;
	fake_pci_set16(&virtio->pci, PCI_COMMAND_BYTE, 0x0007);
}

static bool is_map_refused;

static enum status map_mmio(struct paddr base, uint64_t bytes)
{
	assert_true(base.value == FAKE_VIRTIO_MMIO && bytes <= BAR_BYTES);
	return is_map_refused ? STATUS_NO_MEMORY : STATUS_OK;
}

enum status fake_virtio_probe(struct fake_virtio *virtio, struct block_registry *registry)
{
	static void *memory;
	static struct arena arena;
	const struct driver_environment environment = {.arena = &arena, .registry = registry, .map_mmio = map_mmio};
	const struct pci_function function = {
		.bus = virtio->pci.bus,
		.device = virtio->pci.device,
		.function = virtio->pci.function,
		.vendor_id = (uint16_t)fake_pci_get32(&virtio->pci, 0),
		.device_id = (uint16_t)(fake_pci_get32(&virtio->pci, 0) >> 16),
		.class_code = 1,
	};

	if (memory == NULL)
		memory = mmap(NULL, ARENA_BYTES_MOST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
			      -1, 0);
	assert_true(memory != MAP_FAILED);
	assert_true(virtio->arena_bytes <= ARENA_BYTES_MOST);
	memset(registry, 0, sizeof(*registry));
	registry->count = virtio->disks_before;
	/* Whoever reads more than it got does not find zeros. */
	memset(memory, 'y', ARENA_USED_BYTES);
	arena_init(&arena, memory, virtio->arena_bytes);
	is_map_refused = virtio->refuses_map;
	assert_true(virtio_blk_driver.matches(&function));
	return virtio_blk_driver.probe(&environment, &function, 0);
}
