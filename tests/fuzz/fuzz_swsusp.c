/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole swsusp reader, checksum and all, over a resume device of 32 pages whose bytes are the input. */
#include "image/swsusp_scan.h"
#include "lib/string.h"
static struct page device[32], block;
static enum status read_page(void *context, uint64_t device_page, struct page *page_out)
{
	*page_out = ((const struct page *)context)[device_page];
	return STATUS_OK;
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct swsusp_scan scan = {.source = {read_page, device}};
	struct page *directory[1] = {memset(&block, 0, sizeof(block))};
	memcpy(memset(device, 0, sizeof(device)), data, min_u64(size, sizeof(device)));
	if (swsusp_scan_image(&scan, 0, 32, (struct swsusp_page_marks){directory, 1, NULL, NULL}) == STATUS_AGAIN)
		__builtin_trap(); /* a loader would wait for ever */
	return 0;
}
