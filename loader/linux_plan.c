/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Places for kernel and initrd, and the order of the copies that lead there.
 *
 * The initrds come first and the kernel last. So an initrd's destination must keep clear of every module, while the
 * kernel may be laid over its own module and over initrds that have been moved away.
 */
#include "loader/linux_internal.h"

#define INITRD_JOIN_ALIGNMENT 4 /* cpio archives begin at multiples of it (early-userspace/buffer-format.rst) */

/* What a place has to keep clear of, besides what is reserved. */
struct obstacles {
	const struct linux_request *request;
	bool kernel_module;
	bool initrd_modules;
	struct memory_range other; /* empty: none */
};

static bool ranges_overlap(const struct memory_range *range, uint64_t start, uint64_t end)
{
	return range->start < end && start < range->end && range->start < range->end;
}

/* An obstacle that [start, end) runs into, or NULL. */
static const struct memory_range *obstacle_find(const struct obstacles *obstacles, uint64_t start, uint64_t end)
{
	const struct linux_request *request = obstacles->request;

	if (ranges_overlap(&request->reserved, start, end))
		return &request->reserved;
	if (ranges_overlap(&obstacles->other, start, end))
		return &obstacles->other;
	if (obstacles->kernel_module && ranges_overlap(&request->kernel, start, end))
		return &request->kernel;
	for (uint32_t i = 0; obstacles->initrd_modules && i < request->initrd_count; i++) {
		if (ranges_overlap(&request->initrds[i], start, end))
			return &request->initrds[i];
	}
	return NULL;
}

/* The lowest aligned place of so many bytes in [lowest, highest). */
static enum status place_lowest(const struct obstacles *obstacles, uint64_t bytes, uint64_t alignment,
				const struct memory_range *bounds, uint64_t *address_out)
{
	const struct memory_map *map = obstacles->request->memory;

	for (uint32_t i = 0; i < map->count; i++) {
		const uint64_t highest = min_u64(map->ranges[i].end, bounds->end);
		uint64_t address = max_u64(map->ranges[i].start, bounds->start);

		if (map->ranges[i].type != MEMORY_RAM || address >= highest)
			continue;
		address = align_up(address, alignment);
		while (address < highest && bytes <= highest - address) {
			const struct memory_range *obstacle = obstacle_find(obstacles, address, address + bytes);

			if (!obstacle) {
				*address_out = address;
				return STATUS_OK;
			}
			if (obstacle->end >= highest)
				break;
			address = align_up(obstacle->end, alignment);
		}
	}
	return STATUS_NO_MEMORY;
}

/* The highest page-aligned place of so many bytes in [lowest, highest). */
static enum status place_highest(const struct obstacles *obstacles, uint64_t bytes, const struct memory_range *bounds,
				 uint64_t *address_out)
{
	const struct memory_map *map = obstacles->request->memory;

	for (uint32_t i = map->count; i-- > 0;) {
		const uint64_t lowest = max_u64(map->ranges[i].start, bounds->start);
		uint64_t end = min_u64(map->ranges[i].end, bounds->end);

		while (map->ranges[i].type == MEMORY_RAM && end > lowest && end - lowest >= bytes) {
			const uint64_t address = align_down(end - bytes, PAGE_BYTES);
			const struct memory_range *obstacle;

			if (address < lowest)
				break;
			obstacle = obstacle_find(obstacles, address, address + bytes);
			if (!obstacle) {
				*address_out = address;
				return STATUS_OK;
			}
			end = obstacle->start;
		}
	}
	return STATUS_NO_MEMORY;
}

/* Where initrds may lie. */
static struct memory_range initrd_bounds(const struct linux_request *request)
{
	const uint64_t end = request->image.initrd_anywhere ? LINUX_HIGHEST : request->image.initrd_end_max;

	return (struct memory_range){.start = LINUX_LOWEST, .end = min_u64(end, LINUX_HIGHEST)};
}

/* True when the initrds lie so that the kernel can take them as they are: in order, at most a page's rest between. */
static bool initrds_can_stay(const struct linux_request *request)
{
	const struct memory_range bounds = initrd_bounds(request);
	const uint64_t start = request->initrds[0].start;
	const uint64_t end = request->initrds[request->initrd_count - 1].end;

	for (uint32_t i = 1; i < request->initrd_count; i++) {
		if (request->initrds[i].start != align_up(request->initrds[i - 1].end, PAGE_BYTES))
			return false;
	}
	return start % PAGE_BYTES == 0 && start >= bounds.start && end <= bounds.end &&
	       !ranges_overlap(&request->reserved, start, end) && !ranges_overlap(&request->kernel, start, end) &&
	       memory_map_covers(request->memory, start, end, MEMORY_RAM);
}

static enum status place_kernel(const struct obstacles *obstacles, uint64_t *address_out)
{
	const struct linux_image *image = &obstacles->request->image;
	struct memory_range bounds = {
		/* Below its preferred address the kernel would move itself up, over whatever lies there. */
		.start = max_u64(LINUX_LOWEST, image->preferred_address),
		.end = LINUX_HIGHEST,
	};

	if (image->relocatable)
		return place_lowest(obstacles, image->init_bytes, image->alignment, &bounds, address_out);
	if (image->preferred_address < LINUX_LOWEST || image->preferred_address > LINUX_HIGHEST ||
	    image->preferred_address % PAGE_BYTES != 0)
		return STATUS_UNSUPPORTED;
	bounds.end = min_u64(bounds.end, image->preferred_address + image->init_bytes);
	return place_lowest(obstacles, image->init_bytes, PAGE_BYTES, &bounds, address_out);
}

static void copy_add(struct handoff_linux *sealed, uint64_t destination, uint64_t source, uint64_t bytes)
{
	if (bytes == 0 || destination == source)
		return;
	sealed->copies[sealed->copy_count++] = (struct handoff_linux_copy){destination, source, bytes};
}

/* Everything where it is; what is left of a page between two initrds becomes zero, which the kernel skips. */
static enum status plan_staying(const struct linux_request *request, struct linux_places *places,
				struct handoff_linux *sealed)
{
	const struct obstacles obstacles = {.request = request, .initrd_modules = true};

	TRY(place_kernel(&obstacles, &places->kernel_address));
	for (uint32_t i = 1; i < request->initrd_count; i++)
		copy_add(sealed, request->initrds[i - 1].end, 0,
			 request->initrds[i].start - request->initrds[i - 1].end);
	if (request->initrd_count > 0) {
		places->initrd_address = request->initrds[0].start;
		places->initrd_bytes = request->initrds[request->initrd_count - 1].end - places->initrd_address;
	}
	return STATUS_OK;
}

/* The kernel as if there were no initrds, and those joined as high as they may be. */
static enum status plan_moving(const struct linux_request *request, struct linux_places *places,
			       struct handoff_linux *sealed)
{
	struct obstacles obstacles = {.request = request};
	const struct memory_range bounds = initrd_bounds(request);
	uint64_t at = 0;

	TRY(place_kernel(&obstacles, &places->kernel_address));
	obstacles.kernel_module = true;
	obstacles.initrd_modules = true;
	obstacles.other.start = places->kernel_address;
	obstacles.other.end = places->kernel_address + request->image.init_bytes;
	for (uint32_t i = 0; i < request->initrd_count; i++)
		at = align_up(at, INITRD_JOIN_ALIGNMENT) + (request->initrds[i].end - request->initrds[i].start);
	places->initrd_bytes = at;
	TRY(place_highest(&obstacles, at, &bounds, &places->initrd_address));
	at = places->initrd_address;
	for (uint32_t i = 0; i < request->initrd_count; i++) {
		const uint64_t bytes = request->initrds[i].end - request->initrds[i].start;
		const uint64_t aligned = align_up(at, INITRD_JOIN_ALIGNMENT);

		copy_add(sealed, at, 0, aligned - at);
		copy_add(sealed, aligned, request->initrds[i].start, bytes);
		at = aligned + bytes;
	}
	return STATUS_OK;
}

enum status linux_plan_reading(const struct linux_request *request, uint64_t initrd_bytes,
			       struct linux_places *places_out)
{
	struct obstacles obstacles = {.request = request, .kernel_module = true, .initrd_modules = true};
	struct linux_places places = {.initrd_bytes = initrd_bytes};
	const struct memory_range bounds = initrd_bounds(request);

	TRY(place_kernel(&obstacles, &places.kernel_address));
	obstacles.other.start = places.kernel_address;
	obstacles.other.end = places.kernel_address + request->image.init_bytes;
	if (initrd_bytes > 0)
		TRY(place_highest(&obstacles, initrd_bytes, &bounds, &places.initrd_address));
	*places_out = places;
	return STATUS_OK;
}

enum status linux_plan_make(const struct linux_request *request, struct linux_places *places_out,
			    struct handoff_linux *sealed_out)
{
	struct linux_places places = {0};
	enum status status = STATUS_NO_MEMORY;

	_Static_assert(2 * BOOT_MODULES_MAX + 1 <= HANDOFF_LINUX_COPIES_MAX, "initrds, their padding, the kernel");
	sealed_out->copy_count = 0;
	if (request->initrd_count == 0 || initrds_can_stay(request))
		status = plan_staying(request, &places, sealed_out);
	if (status != STATUS_OK && request->initrd_count > 0)
		status = plan_moving(request, &places, sealed_out);
	TRY(status);
	copy_add(sealed_out, places.kernel_address, request->kernel.start + request->image.kernel_offset,
		 request->image.kernel_bytes);
	*places_out = places;
	return STATUS_OK;
}
