/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ATA protocol: IDENTIFY DEVICE, command and FIS building, the queued error log. ATA/ATAPI Command Set 3 (ACS-3,
 * T13/2161-D revision 5) and Serial ATA revision 3.1.
 */
#include "drivers/ata/ata.h"

#include "lib/span.h"
#include "lib/string.h"

/* Words of IDENTIFY DEVICE (ACS-3, table 45). */
enum identify_word {
	WORD_GENERAL = 0,
	WORD_SERIAL = 10,
	WORD_MODEL = 27,
	WORD_CAPABILITIES = 49,
	WORD_VALIDITY = 53,
	WORD_SECTORS_28 = 60,
	WORD_MULTIWORD_DMA = 63,
	WORD_PIO_MODES = 64,
	WORD_EXTRA_SUPPORT = 69,
	WORD_QUEUE_DEPTH = 75,
	WORD_SATA_CAPABILITIES = 76,
	WORD_COMMANDS_82 = 82,
	WORD_COMMANDS_83 = 83,
	WORD_COMMANDS_84 = 84,
	WORD_ENABLED_85 = 85,
	WORD_ULTRA_DMA = 88,
	WORD_HARDWARE_RESET = 93,
	WORD_SECTORS_48 = 100,
	WORD_SECTOR_SIZE = 106,
	WORD_LOGICAL_SECTOR_WORDS = 117,
	WORD_SECTORS_EXTENDED = 230,
	WORD_INTEGRITY = 255,
};

#define GENERAL_NOT_ATA           BIT(15)
#define CAPABILITIES_DMA          BIT(8)
#define CAPABILITIES_LBA          BIT(9)
#define VALIDITY_WORDS_64_70      BIT(1)
#define VALIDITY_WORD_88          BIT(2)
#define EXTRA_EXTENDED_SECTORS    BIT(3)
#define QUEUE_DEPTH_MASK          0x1F
#define SATA_NCQ                  BIT(8)
#define COMMANDS_82_WRITE_CACHE   BIT(5)
#define COMMANDS_83_LBA48         BIT(10)
#define COMMANDS_83_FLUSH         BIT(12)
#define COMMANDS_83_FLUSH_EXT     BIT(13)
#define COMMANDS_84_GENERAL_LOG   BIT(5)
#define ENABLED_85_WRITE_CACHE    BIT(5)
#define HARDWARE_RESET_CABLE_80   BIT(13)
#define SECTOR_SIZE_LOGICAL_LARGE BIT(12)
#define SECTOR_SIZE_PHYSICAL_MANY BIT(13)
#define SECTOR_SIZE_EXPONENT_MASK 0x0F
#define WORD_IS_VALID_MASK        (BIT(15) | BIT(14))
#define WORD_IS_VALID             BIT(14)
#define INTEGRITY_SIGNATURE       0xA5
#define MODES_MASK                0x7F
#define MULTIWORD_MODES_MASK      0x07
#define PIO_MODES_MASK            0x03
#define PIO_MODES_SHIFT           3
#define SELECTED_SHIFT            8
#define LBA28_END                 BIT64(28)
#define LBA48_END                 BIT64(48)
#define SECTORS_28_MAX            256
#define SECTORS_48_MAX            65536
#define NCQ_TAG_SHIFT             3
#define NCQ_ERROR_NOT_QUEUED      BIT(7)
#define NCQ_ERROR_TAG_MASK        0x1F
#define NCQ_ERROR_LOG_ADDRESS     0x10
#define FIS_TYPE_REGISTER_H2D     0x27
#define FIS_COMMAND               BIT(7)

static uint16_t word_at(struct span *data, unsigned word)
{
	return span_u16(data, 2 * (size_t)word);
}

/* Words 83, 84, 87, 93 and 106 count only when bits 15:14 read 01; anything else reads as 0. */
static uint16_t checked_word_at(struct span *data, unsigned word)
{
	const uint16_t value = word_at(data, word);

	return (value & WORD_IS_VALID_MASK) == WORD_IS_VALID ? value : 0;
}

/* An ATA string: two characters a word, the first in the high byte (ACS-3, 3.3.10). text_out: 2 * words + 1 bytes. */
static void string_decode(struct span *data, unsigned word, unsigned words, char *text_out)
{
	unsigned start = 0;
	unsigned end = 2 * words;

	for (unsigned i = 0; i < 2 * words; i++) {
		const uint8_t byte = span_u8(data, 2 * (size_t)word + (i ^ 1));
		text_out[i] = byte >= ' ' && byte <= '~' ? (char)byte : ' ';
	}
	while (end > 0 && text_out[end - 1] == ' ')
		end--;
	while (start < end && text_out[start] == ' ')
		start++;
	memmove(text_out, text_out + start, end - start);
	text_out[end - start] = '\0';
}

/* Word 255: absent, or the sum of all bytes is 0. */
static bool integrity_is_good(struct span *data)
{
	uint8_t sum = 0;

	if (span_u8(data, 2 * WORD_INTEGRITY) != INTEGRITY_SIGNATURE)
		return true;
	for (size_t i = 0; i < ATA_IDENTIFY_BYTES; i++)
		sum = (uint8_t)(sum + span_u8(data, i));
	return sum == 0;
}

static enum status sector_size_decode(struct span *data, struct ata_identity *identity)
{
	const uint16_t size = checked_word_at(data, WORD_SECTOR_SIZE);

	identity->sector_bytes = 512;
	if ((size & SECTOR_SIZE_LOGICAL_LARGE) != 0) {
		const uint32_t words = span_u32(data, 2 * WORD_LOGICAL_SECTOR_WORDS);
		if (words != 256 && words != 2048)
			return STATUS_UNSUPPORTED;
		identity->sector_bytes = 2 * words;
	}
	identity->physical_sector_bytes = identity->sector_bytes;
	if ((size & SECTOR_SIZE_PHYSICAL_MANY) != 0)
		identity->physical_sector_bytes <<= size & SECTOR_SIZE_EXPONENT_MASK;
	return STATUS_OK;
}

static enum status sector_count_decode(struct span *data, struct ata_identity *identity)
{
	identity->sector_count = span_u32(data, 2 * WORD_SECTORS_28);
	if (identity->lba48) {
		const bool is_extended = (word_at(data, WORD_EXTRA_SUPPORT) & EXTRA_EXTENDED_SECTORS) != 0;
		identity->sector_count =
			span_u64(data, 2 * (size_t)(is_extended ? WORD_SECTORS_EXTENDED : WORD_SECTORS_48));
	}
	const uint64_t limit = identity->lba48 ? LBA48_END : LBA28_END;
	return identity->sector_count > 0 && identity->sector_count <= limit ? STATUS_OK : STATUS_CORRUPT;
}

static void queue_decode(struct span *data, struct ata_identity *identity)
{
	const uint16_t sata = word_at(data, WORD_SATA_CAPABILITIES);

	/* 0 and FFFFh: not a Serial ATA device. Queued commands address with 48 bits. */
	identity->ncq = sata != UINT16_MAX && (sata & SATA_NCQ) != 0 && identity->lba48;
	identity->ncq_depth = 1;
	if (identity->ncq)
		identity->ncq_depth = (uint8_t)((word_at(data, WORD_QUEUE_DEPTH) & QUEUE_DEPTH_MASK) + 1);
}

static void modes_decode(struct span *data, struct ata_identity *identity)
{
	const uint16_t validity = word_at(data, WORD_VALIDITY);
	const uint16_t multiword = word_at(data, WORD_MULTIWORD_DMA);
	const uint16_t ultra = (validity & VALIDITY_WORD_88) != 0 ? word_at(data, WORD_ULTRA_DMA) : 0;

	if ((validity & VALIDITY_WORDS_64_70) != 0)
		identity->pio_modes = (uint8_t)((word_at(data, WORD_PIO_MODES) & PIO_MODES_MASK) << PIO_MODES_SHIFT);
	identity->multiword_modes = multiword & MULTIWORD_MODES_MASK;
	identity->multiword_selected = (multiword >> SELECTED_SHIFT) & MULTIWORD_MODES_MASK;
	identity->ultra_modes = ultra & MODES_MASK;
	identity->ultra_selected = (ultra >> SELECTED_SHIFT) & MODES_MASK;
	identity->ultra_cable_80 = (checked_word_at(data, WORD_HARDWARE_RESET) & HARDWARE_RESET_CABLE_80) != 0;
}

static void commands_decode(struct span *data, struct ata_identity *identity)
{
	const uint16_t commands = checked_word_at(data, WORD_COMMANDS_83);

	identity->lba48 = (commands & COMMANDS_83_LBA48) != 0;
	identity->flush = (commands & COMMANDS_83_FLUSH) != 0;
	identity->flush_ext = identity->lba48 && (commands & COMMANDS_83_FLUSH_EXT) != 0;
	identity->general_log = (checked_word_at(data, WORD_COMMANDS_84) & COMMANDS_84_GENERAL_LOG) != 0;
	identity->write_cache = (word_at(data, WORD_COMMANDS_82) & COMMANDS_82_WRITE_CACHE) != 0 &&
				(word_at(data, WORD_ENABLED_85) & ENABLED_85_WRITE_CACHE) != 0;
	identity->dma = (word_at(data, WORD_CAPABILITIES) & CAPABILITIES_DMA) != 0;
}

static bool range_is_valid(const struct ata_identity *identity, struct lba lba, uint32_t count)
{
	return count > 0 && count <= ata_sectors_max(identity) && lba.value < identity->sector_count &&
	       count <= identity->sector_count - lba.value;
}

/*
 * 28 bits can't say it: too many sectors, or beyond the end. The last sector that 28 bits can name is left to 48-bit
 * commands, because drives were seen that get it wrong.
 */
static bool needs_48bit(struct lba lba, uint32_t count)
{
	return count > SECTORS_28_MAX || lba.value + count >= LBA28_END - 1;
}

static uint8_t transfer_command(enum ata_transfer transfer, bool is_48bit)
{
	switch (transfer) {
	case ATA_READ_BY_DMA:
		return is_48bit ? ATA_READ_DMA_EXT : ATA_READ_DMA;
	case ATA_WRITE_BY_DMA:
		return is_48bit ? ATA_WRITE_DMA_EXT : ATA_WRITE_DMA;
	case ATA_READ_BY_PIO:
		return is_48bit ? ATA_READ_SECTORS_EXT : ATA_READ_SECTORS;
	case ATA_WRITE_BY_PIO:
	default:
		return is_48bit ? ATA_WRITE_SECTORS_EXT : ATA_WRITE_SECTORS;
	}
}

/* --- public ---------------------------------------------------------------------------------------------------- */

enum ata_kind ata_kind_of_signature(uint32_t signature)
{
	switch (signature) {
	case 0x00000101:
		return ATA_KIND_DISK;
	case 0xEB140101:
		return ATA_KIND_ATAPI;
	case 0x96690101:
		return ATA_KIND_PORT_MULTIPLIER;
	case 0xC33C0101:
		return ATA_KIND_ENCLOSURE;
	default:
		return ATA_KIND_NONE;
	}
}

const char *ata_kind_text(enum ata_kind kind)
{
	switch (kind) {
	case ATA_KIND_DISK:
		return "a disk";
	case ATA_KIND_ATAPI:
		return "an ATAPI device";
	case ATA_KIND_PORT_MULTIPLIER:
		return "a port multiplier";
	case ATA_KIND_ENCLOSURE:
		return "an enclosure bridge";
	case ATA_KIND_NONE:
	default:
		return "an unknown device";
	}
}

enum status ata_identify_decode(const uint8_t data[ATA_IDENTIFY_BYTES], struct ata_identity *identity_out)
{
	struct span span = span_of(data, ATA_IDENTIFY_BYTES);
	struct ata_identity identity = {0};

	if (!integrity_is_good(&span))
		return STATUS_CORRUPT;
	if ((word_at(&span, WORD_GENERAL) & GENERAL_NOT_ATA) != 0 ||
	    (word_at(&span, WORD_CAPABILITIES) & CAPABILITIES_LBA) == 0)
		return STATUS_UNSUPPORTED;
	string_decode(&span, WORD_MODEL, (sizeof(identity.model) - 1) / 2, identity.model);
	string_decode(&span, WORD_SERIAL, (sizeof(identity.serial) - 1) / 2, identity.serial);
	commands_decode(&span, &identity);
	TRY(sector_size_decode(&span, &identity));
	TRY(sector_count_decode(&span, &identity));
	queue_decode(&span, &identity);
	modes_decode(&span, &identity);
	*identity_out = identity;
	return STATUS_OK;
}

enum status ata_transfer_build(const struct ata_identity *identity, enum ata_transfer transfer, struct lba lba,
			       uint32_t count, struct ata_taskfile *taskfile_out)
{
	if (!range_is_valid(identity, lba, count))
		return STATUS_INVALID;
	const bool is_48bit = identity->lba48 && needs_48bit(lba, count);
	struct ata_taskfile taskfile = {
		.command = transfer_command(transfer, is_48bit),
		.lba = is_48bit ? lba.value : lba.value & 0xFFFFFF,
		.count = is_48bit ? (uint16_t)count : (uint8_t)count, /* the maximum is written as 0 */
		.device = (uint8_t)(ATA_DEVICE_LBA | (is_48bit ? 0 : lba.value >> 24)),
		.is_48bit = is_48bit,
		.is_write = transfer == ATA_WRITE_BY_DMA || transfer == ATA_WRITE_BY_PIO,
	};
	*taskfile_out = taskfile;
	return STATUS_OK;
}

uint32_t ata_sectors_max(const struct ata_identity *identity)
{
	return identity->lba48 ? SECTORS_48_MAX : SECTORS_28_MAX;
}

enum status ata_queued_build(const struct ata_identity *identity, enum ata_transfer transfer, struct lba lba,
			     uint32_t count, uint8_t tag, struct ata_taskfile *taskfile_out)
{
	const bool is_write = transfer == ATA_WRITE_BY_DMA;

	if (!identity->ncq || tag >= identity->ncq_depth || !range_is_valid(identity, lba, count))
		return STATUS_INVALID;
	*taskfile_out = (struct ata_taskfile){
		.command = is_write ? ATA_WRITE_FPDMA_QUEUED : ATA_READ_FPDMA_QUEUED,
		.feature = (uint16_t)count,
		.lba = lba.value,
		.count = (uint16_t)(tag << NCQ_TAG_SHIFT),
		.device = ATA_DEVICE_LBA,
		.is_48bit = true,
		.is_write = is_write,
	};
	return STATUS_OK;
}

enum status ata_flush_build(const struct ata_identity *identity, struct ata_taskfile *taskfile_out)
{
	if (!identity->flush && !identity->flush_ext)
		return STATUS_UNSUPPORTED;
	*taskfile_out = (struct ata_taskfile){
		.command = identity->flush_ext ? ATA_FLUSH_CACHE_EXT : ATA_FLUSH_CACHE,
		.is_48bit = identity->flush_ext,
	};
	return STATUS_OK;
}

struct ata_taskfile ata_identify_build(void)
{
	return (struct ata_taskfile){.command = ATA_IDENTIFY_DEVICE};
}

struct ata_taskfile ata_ncq_log_build(void)
{
	return (struct ata_taskfile){
		.command = ATA_READ_LOG_EXT, .lba = NCQ_ERROR_LOG_ADDRESS, .count = 1, .is_48bit = true};
}

struct ata_taskfile ata_transfer_mode_build(uint8_t mode)
{
	return (struct ata_taskfile){.command = ATA_SET_FEATURES, .feature = ATA_FEATURE_TRANSFER_MODE, .count = mode};
}

void ata_fis_build(const struct ata_taskfile *taskfile, uint8_t fis_out[ATA_FIS_BYTES])
{
	const bool is_48bit = taskfile->is_48bit;

	memset(fis_out, 0, ATA_FIS_BYTES);
	fis_out[0] = FIS_TYPE_REGISTER_H2D;
	fis_out[1] = FIS_COMMAND;
	fis_out[2] = taskfile->command;
	fis_out[3] = (uint8_t)taskfile->feature;
	fis_out[4] = (uint8_t)taskfile->lba;
	fis_out[5] = (uint8_t)(taskfile->lba >> 8);
	fis_out[6] = (uint8_t)(taskfile->lba >> 16);
	fis_out[7] = taskfile->device;
	fis_out[8] = is_48bit ? (uint8_t)(taskfile->lba >> 24) : 0;
	fis_out[9] = is_48bit ? (uint8_t)(taskfile->lba >> 32) : 0;
	fis_out[10] = is_48bit ? (uint8_t)(taskfile->lba >> 40) : 0;
	fis_out[11] = is_48bit ? (uint8_t)(taskfile->feature >> 8) : 0;
	fis_out[12] = (uint8_t)taskfile->count;
	fis_out[13] = is_48bit ? (uint8_t)(taskfile->count >> 8) : 0;
}

void ata_fis_control_build(uint8_t control, uint8_t fis_out[ATA_FIS_BYTES])
{
	memset(fis_out, 0, ATA_FIS_BYTES);
	fis_out[0] = FIS_TYPE_REGISTER_H2D;
	fis_out[15] = control;
}

enum status ata_ncq_log_decode(const uint8_t page[ATA_LOG_PAGE_BYTES], struct ata_ncq_error *error_out)
{
	struct span span = span_of(page, ATA_LOG_PAGE_BYTES);
	uint8_t sum = 0;

	for (size_t i = 0; i < ATA_LOG_PAGE_BYTES; i++)
		sum = (uint8_t)(sum + span_u8(&span, i));
	if (sum != 0)
		return STATUS_CORRUPT;
	const uint8_t first = span_u8(&span, 0);
	*error_out = (struct ata_ncq_error){
		.is_queued = (first & NCQ_ERROR_NOT_QUEUED) == 0,
		.tag = first & NCQ_ERROR_TAG_MASK,
		.status = span_u8(&span, 2),
		.error = span_u8(&span, 3),
		.lba = span_read_le(&span, 4, 3) | span_read_le(&span, 8, 3) << 24,
	};
	return STATUS_OK;
}

void ata_identity_publish(const struct ata_identity *identity, struct block_identity *block_out)
{
	memcpy(block_out->model, identity->model, sizeof(block_out->model));
	memcpy(block_out->serial, identity->serial, sizeof(block_out->serial));
	block_out->sector_bytes = identity->sector_bytes;
	block_out->sector_count = identity->sector_count;
}
