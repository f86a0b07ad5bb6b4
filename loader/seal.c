/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sealing the plan. Jump ABI: arch/x86/power/hibernate_64.c (relocate_restore_code, set_up_temporary_text_mapping) and
 * hibernate_asm_64.S (core_restore_code) of Linux 6.1 to 6.12.
 */
#include "loader/seal.h"

#include "include/cpu.h"
#include "lib/string.h"
#include "loader/memory.h"

#define LARGE_PAGE_BYTES (2 * MIB)
#define LOW_LIMIT        (4 * GIB)
#define LEVELS_FIVE      5
#define PML5_SHIFT       48

static struct page *safe_table_page(void *context)
{
	struct sealed_plan *plan = context;
	struct pfn frame;

	if (plan->spare_count > 0)
		frame = plan->spare[--plan->spare_count];
	else if (placement_take_frame(plan->placement, LOW_LIMIT, &frame) != STATUS_OK)
		return NULL;
	memset(pfn_to_page(frame), 0, PAGE_BYTES);
	return pfn_to_page(frame);
}

static enum status map_identity(struct page_tables *tables, const struct memory_map *map)
{
	uint64_t mapped_end = 0;

	for (uint32_t i = 0; i < map->count; i++) {
		const struct memory_range *range = &map->ranges[i];
		const uint64_t start = max_u64(align_down(range->start, LARGE_PAGE_BYTES), mapped_end);
		const uint64_t end = align_up(range->end, LARGE_PAGE_BYTES);

		if (range->type != MEMORY_RAM || end <= start)
			continue;
		TRY(page_tables_map(tables, start, end, start, MAP_WRITE));
		mapped_end = end;
	}
	return STATUS_OK;
}

enum status seal_prepare(struct sealed_plan *plan, struct placement *placement)
{
	struct pfn frame;

	*plan = (struct sealed_plan){.placement = placement};
	TRY(placement_take_frame(placement, LOW_LIMIT, &frame));
	plan->frame = pfn_to_paddr(frame);
	plan->sealed = (struct handoff_image *)(void *)(pfn_to_page(frame)->bytes + HANDOFF_IMAGE_SEALED_OFFSET);
	plan->tables = (struct page_tables){
		.allocate = safe_table_page,
		.context = plan,
		.pages_1gib = cpu_has_1gib_pages(),
	};
	TRY(page_tables_create(&plan->tables));
	TRY(map_identity(&plan->tables, placement->map));
	for (uint32_t i = 0; i < SEAL_SPARE_FRAMES; i++)
		TRY(placement_take_frame(placement, LOW_LIMIT, &plan->spare[i]));
	plan->spare_count = SEAL_SPARE_FRAMES;
	return STATUS_OK;
}

static const struct page *image_frame(void *context, struct pfn pfn)
{
	return placement_find(context, pfn);
}

/* How many levels the image's tables have: 4 or 5. */
static enum status find_levels(struct placement *placement, const struct swsusp_info *info, unsigned *levels_out)
{
	/* Nobody but the image has put code there. */
	if (!placement_find(placement, paddr_to_pfn((struct paddr){info->jump_address_physical})))
		return STATUS_CORRUPT;
	return page_tables_find_levels(info->cr3, info->jump_address, info->jump_address_physical, image_frame,
				       placement, levels_out);
}

/* The 2 MiB page that holds the jump address, at its virtual place. */
static enum status map_jump(struct page_tables *tables, const struct swsusp_info *info)
{
	const uint64_t start = align_down(info->jump_address, LARGE_PAGE_BYTES);

	return page_tables_map(tables, start, start + LARGE_PAGE_BYTES,
			       align_down(info->jump_address_physical, LARGE_PAGE_BYTES), MAP_WRITE);
}

/* A 5-level root over 4-level tables, for the low half of what they map; NULL: no frame left. */
static uint64_t *root_above(struct sealed_plan *plan)
{
	uint64_t *root = (uint64_t *)(void *)safe_table_page(plan);

	if (root)
		root[0] = virt_to_paddr(plan->tables.root).value | PTE_PRESENT | PTE_WRITE;
	return root;
}

/* The low half as the 4-level tables have it, and the jump address through tables of its own. */
static enum status build_five_levels(struct sealed_plan *plan, const struct swsusp_info *info, uint64_t **root_out)
{
	struct page_tables high = plan->tables;
	uint64_t *root = root_above(plan);

	if (!root)
		return STATUS_NO_MEMORY;
	TRY(page_tables_create(&high));
	TRY(map_jump(&high, info));
	root[info->jump_address >> PML5_SHIFT & PTE_INDEX_MASK] =
		virt_to_paddr(high.root).value | PTE_PRESENT | PTE_WRITE;
	*root_out = root;
	return STATUS_OK;
}

static enum status fill_in(struct sealed_plan *plan, const uint64_t *jump_root, unsigned levels, uint64_t jump_address)
{
	/* The copies run before the levels are switched. */
	const uint64_t *copy_root = memory_paging_levels() == LEVELS_FIVE ? root_above(plan) : plan->tables.root;

	if (!copy_root)
		return STATUS_NO_MEMORY;
	memcpy(paddr_to_virt(plan->frame), handoff_image_code, handoff_image_code_bytes);
	*plan->sealed = (struct handoff_image){
		.plan = plan->placement->plan_first ? virt_to_paddr(plan->placement->plan_first).value : 0,
		.copy_root = virt_to_paddr(copy_root).value,
		.jump_root = virt_to_paddr(jump_root).value,
		.levels = levels,
		.jump_address = jump_address,
	};
	return STATUS_OK;
}

enum status seal_finish(struct sealed_plan *plan, const struct swsusp_info *info)
{
	uint64_t *jump_root = plan->tables.root;
	unsigned levels;

	TRY(find_levels(plan->placement, info, &levels));
	if (levels == LEVELS_FIVE && !cpu_has_la57())
		return STATUS_UNSUPPORTED;
	if (levels == LEVELS_FIVE)
		TRY(build_five_levels(plan, info, &jump_root));
	else
		TRY(map_jump(&plan->tables, info));
	TRY(fill_in(plan, jump_root, levels, info->jump_address));
	plan->sealed->image_cr3 = info->cr3;
	return STATUS_OK;
}

enum status seal_finish_session(struct sealed_plan *plan, uint64_t entry, unsigned levels, uint64_t reentry)
{
	uint64_t *jump_root = plan->tables.root;

	if (!placement_find(plan->placement, paddr_to_pfn((struct paddr){entry})))
		return STATUS_CORRUPT;
	if (levels == LEVELS_FIVE) {
		if (!cpu_has_la57())
			return STATUS_UNSUPPORTED;
		jump_root = root_above(plan);
		if (!jump_root)
			return STATUS_NO_MEMORY;
	}
	TRY(fill_in(plan, jump_root, levels, entry));
	plan->sealed->reentry = reentry;
	plan->sealed->stack = virt_to_paddr(&plan->sealed->reentry).value;
	return STATUS_OK;
}
