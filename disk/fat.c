/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FAT32 with long names (Microsoft FAT specification, 2005; names are compared without regard to case, in ASCII). */
#include "disk/file_internal.h"
#include "lib/span.h"
#include "lib/string.h"

enum boot_sector {
	BPB_SECTOR_BYTES = 11,
	BPB_CLUSTER_SECTORS = 13,
	BPB_RESERVED_SECTORS = 14,
	BPB_FATS = 16,
	BPB_ROOT_ENTRIES = 17,
	BPB_SECTORS_16 = 19,
	BPB_FAT_SECTORS_16 = 22,
	BPB_SECTORS_32 = 32,
	BPB_FAT_SECTORS_32 = 36,
	BPB_ROOT_CLUSTER = 44,
	BPB_BYTES = 512,
};

enum entry {
	ENTRY_NAME = 0,
	ENTRY_ATTRIBUTES = 11,
	ENTRY_CLUSTER_HIGH = 20,
	ENTRY_CLUSTER_LOW = 26,
	ENTRY_SIZE = 28,
	ENTRY_BYTES = 32,
	SHORT_NAME_BYTES = 11,
	SHORT_BASE_BYTES = 8,
	LONG_CHECKSUM = 13,
	LONG_UNITS = 13, /* in one entry */
	LONG_ENTRIES_MAX = 20,
	LONG_LAST = 0x40,
	ATTRIBUTE_LABEL = 0x08,
	ATTRIBUTE_DIRECTORY = 0x10,
	ATTRIBUTE_LONG = 0x0F,
	NAME_END = 0x00,
	NAME_DELETED = 0xE5,
};

#define CLUSTER_MASK    0x0FFFFFFFu
#define CLUSTER_END     0x0FFFFFF8u
#define CLUSTER_FIRST   2u
#define FAT_ENTRY_BYTES 4
#define DIRECTORY_BYTES (2 * MIB) /* 65536 entries */

struct fat {
	struct file_search *search;
	uint64_t fat_offset; /* bytes from the start of the partition */
	uint64_t data_offset;
	uint32_t cluster_bytes;
	uint32_t cluster_count;
	uint32_t root;
};

/* A long name while its entries come, the last part first. */
struct long_name {
	uint8_t expected; /* the next part's number; 0: no name, or complete */
	bool complete;
	uint8_t checksum;
	uint32_t length;
	char text[LONG_ENTRIES_MAX * LONG_UNITS + 1]; /* what is not ASCII is '\x01', which no path has */
};

struct fat_file {
	uint32_t cluster;
	uint32_t bytes;
	bool is_directory;
};

static enum status fail(struct fat *fat, enum status status, const char *reason)
{
	return file_fail(fat->search, status, reason);
}

static enum status open_filesystem(struct fat *fat)
{
	const uint64_t partition_bytes = fat->search->reader->sector_count * fat->search->reader->sector_bytes;
	const uint8_t *bytes;
	struct span bpb;
	uint64_t sector_bytes, sectors, fat_sectors, fat_entries, clusters;

	TRY(file_window(fat->search, 0, BPB_BYTES, &bytes));
	bpb = span_of(bytes, BPB_BYTES);
	sector_bytes = span_u16(&bpb, BPB_SECTOR_BYTES);
	fat->cluster_bytes = (uint32_t)(span_u8(&bpb, BPB_CLUSTER_SECTORS) * sector_bytes);
	fat_sectors = span_u32(&bpb, BPB_FAT_SECTORS_32);
	sectors = span_u32(&bpb, BPB_SECTORS_32);
	fat->root = span_u32(&bpb, BPB_ROOT_CLUSTER);
	if (span_u16(&bpb, BPB_FAT_SECTORS_16) != 0 || span_u16(&bpb, BPB_ROOT_ENTRIES) != 0 ||
	    span_u16(&bpb, BPB_SECTORS_16) != 0)
		return fail(fat, STATUS_UNSUPPORTED, "FAT12 or FAT16, which Thaw does not read");
	if (sector_bytes < 512 || sector_bytes > PAGE_BYTES || fat->cluster_bytes == 0 ||
	    (fat->cluster_bytes & (fat->cluster_bytes - 1)) != 0 || span_u8(&bpb, BPB_FATS) == 0 ||
	    sectors * sector_bytes > partition_bytes)
		return fail(fat, STATUS_CORRUPT, "the FAT filesystem's first sector contradicts itself");
	fat->fat_offset = span_u16(&bpb, BPB_RESERVED_SECTORS) * sector_bytes;
	fat->data_offset = fat->fat_offset + span_u8(&bpb, BPB_FATS) * fat_sectors * sector_bytes;
	if (fat->fat_offset == 0 || fat->data_offset > sectors * sector_bytes)
		return fail(fat, STATUS_CORRUPT, "the FAT filesystem's first sector contradicts itself");
	clusters = (sectors * sector_bytes - fat->data_offset) / fat->cluster_bytes;
	fat_entries = max_u64(fat_sectors * sector_bytes / FAT_ENTRY_BYTES, CLUSTER_FIRST);
	clusters = min_u64(clusters, fat_entries - CLUSTER_FIRST);
	fat->cluster_count = (uint32_t)min_u64(clusters, CLUSTER_END - CLUSTER_FIRST);
	return STATUS_OK;
}

static enum status next_cluster(struct fat *fat, uint32_t cluster, uint32_t *next_out)
{
	const uint8_t *bytes;
	struct span span;

	TRY(file_window(fat->search, fat->fat_offset + (uint64_t)cluster * FAT_ENTRY_BYTES, FAT_ENTRY_BYTES, &bytes));
	span = span_of(bytes, FAT_ENTRY_BYTES);
	*next_out = span_u32(&span, 0) & CLUSTER_MASK;
	return STATUS_OK;
}

/* The chain from a cluster on; bytes: as long as it must be, UINT64_MAX: to its end, for a directory. */
static enum status map_chain(struct fat *fat, uint32_t cluster, uint64_t bytes)
{
	const bool to_end = bytes == UINT64_MAX;
	const uint64_t most = to_end ? DIRECTORY_BYTES : bytes;

	file_map_begin(fat->search, to_end ? 0 : bytes);
	for (uint64_t done = 0; done < most; done += fat->cluster_bytes) {
		if (to_end && cluster >= CLUSTER_END)
			return STATUS_OK;
		if (cluster < CLUSTER_FIRST || cluster - CLUSTER_FIRST >= fat->cluster_count)
			return fail(fat, STATUS_CORRUPT, "a chain of clusters is damaged");
		TRY(file_map_add(fat->search,
				 fat->data_offset + (uint64_t)(cluster - CLUSTER_FIRST) * fat->cluster_bytes,
				 fat->cluster_bytes));
		TRY(next_cluster(fat, cluster, &cluster));
	}
	return to_end ? fail(fat, STATUS_CORRUPT, "a directory does not end") : STATUS_OK;
}

/* --- names ---------------------------------------------------------------------------------------------------------
 */

static char lower(char character)
{
	return character >= 'A' && character <= 'Z' ? (char)(character - 'A' + 'a') : character;
}

static bool names_equal(const char *a, size_t a_length, const char *b, size_t b_length)
{
	if (a_length != b_length)
		return false;
	for (size_t i = 0; i < a_length; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

static void long_name_take(struct long_name *name, struct span *entry)
{
	static const uint8_t places[LONG_UNITS] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};
	const uint8_t number = span_u8(entry, ENTRY_NAME);
	const uint8_t part = number & (LONG_LAST - 1);
	char *text;

	if ((number & LONG_LAST) != 0) {
		*name = (struct long_name){.expected = part, .checksum = span_u8(entry, LONG_CHECKSUM)};
		name->length = part * LONG_UNITS;
	}
	if (part == 0 || part > LONG_ENTRIES_MAX || part != name->expected ||
	    span_u8(entry, LONG_CHECKSUM) != name->checksum) {
		*name = (struct long_name){.expected = 0};
		return;
	}
	text = name->text + (part - 1) * LONG_UNITS;
	for (uint32_t i = 0; i < LONG_UNITS; i++) {
		const uint16_t unit = span_u16(entry, places[i]);

		text[i] = (char)(unit < 0x80 ? unit : 1);
		if (unit == 0) {
			name->length = (uint32_t)(text - name->text) + i;
			break;
		}
	}
	name->expected--;
	name->complete = name->expected == 0;
}

static uint8_t short_checksum(const uint8_t *name)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < SHORT_NAME_BYTES; i++)
		sum = (uint8_t)((sum << 7 | sum >> 1) + name[i]);
	return sum;
}

/* "BASE    EXT" as "BASE.EXT". Returns the length. */
static size_t short_name(const uint8_t *name, char text_out[SHORT_NAME_BYTES + 1])
{
	size_t length = 0;
	uint32_t end = SHORT_BASE_BYTES;

	while (end > 0 && name[end - 1] == ' ')
		end--;
	for (uint32_t i = 0; i < end; i++)
		text_out[length++] = (char)name[i];
	end = SHORT_NAME_BYTES;
	while (end > SHORT_BASE_BYTES && name[end - 1] == ' ')
		end--;
	if (end > SHORT_BASE_BYTES)
		text_out[length++] = '.';
	for (uint32_t i = SHORT_BASE_BYTES; i < end; i++)
		text_out[length++] = (char)name[i];
	return length;
}

static bool entry_is_named(const struct long_name *long_name, const uint8_t *entry, const char *name, size_t length)
{
	char text[SHORT_NAME_BYTES + 1];

	if (long_name->complete && long_name->checksum == short_checksum(entry) &&
	    names_equal(long_name->text, long_name->length, name, length))
		return true;
	return names_equal(text, short_name(entry, text), name, length);
}

/* --- directories ---------------------------------------------------------------------------------------------------
 */

/* STATUS_END: the directory ends here. STATUS_OK with *found_out. */
static enum status search_entry(struct span *entry, struct long_name *long_name, const char *name, size_t length,
				struct fat_file *file_out, bool *found_out)
{
	const uint8_t first = span_u8(entry, ENTRY_NAME);
	const uint8_t attributes = span_u8(entry, ENTRY_ATTRIBUTES);

	*found_out = false;
	if (first == NAME_END)
		return STATUS_END;
	if (first != NAME_DELETED && (attributes & ATTRIBUTE_LONG) == ATTRIBUTE_LONG) {
		long_name_take(long_name, entry);
		return STATUS_OK;
	}
	if (first != NAME_DELETED && (attributes & ATTRIBUTE_LABEL) == 0 &&
	    entry_is_named(long_name, entry->bytes, name, length)) {
		*found_out = true;
		*file_out = (struct fat_file){
			.cluster = ((uint32_t)span_u16(entry, ENTRY_CLUSTER_HIGH) << 16 |
				    span_u16(entry, ENTRY_CLUSTER_LOW)) &
				   CLUSTER_MASK,
			.bytes = span_u32(entry, ENTRY_SIZE),
			.is_directory = (attributes & ATTRIBUTE_DIRECTORY) != 0,
		};
	}
	*long_name = (struct long_name){.expected = 0};
	return STATUS_OK;
}

static enum status search_directory(struct fat *fat, const char *name, size_t length, struct fat_file *file)
{
	const struct file_map *map = fat->search->map;
	struct long_name long_name = {.expected = 0};
	bool found;

	/* The root's parent, and a directory below it, say 0 for the root. */
	TRY(map_chain(fat, file->cluster != 0 ? file->cluster : fat->root, UINT64_MAX));
	for (uint32_t i = 0; i < map->count; i++) {
		for (uint64_t at = 0; at < map->extents[i].bytes; at += ENTRY_BYTES) {
			const uint8_t *bytes;
			struct span entry;
			enum status status;

			TRY(file_window(fat->search, map->extents[i].device_offset + at, ENTRY_BYTES, &bytes));
			entry = span_of(bytes, ENTRY_BYTES);
			status = search_entry(&entry, &long_name, name, length, file, &found);
			if (status == STATUS_OK && found)
				return STATUS_OK;
			if (status == STATUS_END)
				return fail(fat, STATUS_NOT_FOUND, "there is no such file");
		}
	}
	return fail(fat, STATUS_NOT_FOUND, "there is no such file");
}

enum status fat_find(struct file_search *search, const char *path)
{
	struct fat fat = {.search = search};
	struct fat_file file = {.is_directory = true};
	size_t length;

	TRY(open_filesystem(&fat));
	for (;;) {
		const char *name = file_path_next(&path, &length);

		if (length == 0)
			break;
		if (!file.is_directory)
			return fail(&fat, STATUS_NOT_FOUND, "a part of the path is no directory");
		TRY(search_directory(&fat, name, length, &file));
	}
	if (file.is_directory)
		return fail(&fat, STATUS_NOT_FOUND, "the path is no regular file");
	return map_chain(&fat, file.cluster, file.bytes);
}
