/* SPDX-License-Identifier: GPL-2.0-or-later */
/* drivers/ata/ata.c: IDENTIFY DEVICE and every command byte by byte. */
#include "drivers/ata/ata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uint8_t data[ATA_IDENTIFY_BYTES];

static void set_word(unsigned word, uint16_t value)
{
	data[2 * word] = (uint8_t)value;
	data[2 * word + 1] = (uint8_t)(value >> 8);
}

static void set_text(unsigned word, unsigned words, const char *text)
{
	const size_t length = strlen(text);

	for (unsigned i = 0; i < 2 * words; i++)
		data[2 * word + (i ^ 1)] = (uint8_t)(i < length ? text[i] : ' ');
}

static void set_checksum(void)
{
	uint8_t sum = 0;

	data[510] = 0xA5;
	data[511] = 0;
	for (unsigned i = 0; i < 511; i++)
		sum = (uint8_t)(sum + data[i]);
	data[511] = (uint8_t)-sum;
}

/* A 1 TB SATA disk of 512-byte sectors with NCQ depth 32. */
static int setup(void **state)
{
	(void)state;
	memset(data, 0, sizeof(data));
	set_word(0, 0x0040);
	set_text(10, 10, "  S3R1AL-7");
	set_text(27, 20, "Thaw Test Disk");
	set_word(49, 0x0F00);
	set_word(53, 0x0007);
	set_word(60, 0xFFFF);
	set_word(61, 0x0FFF);
	set_word(63, 0x0407);
	set_word(64, 0x00FF);
	set_word(75, 31);
	set_word(76, 0x0706);
	set_word(82, 0x0020);
	set_word(83, 0x7400);
	set_word(84, 0x4020);
	set_word(85, 0x0020);
	set_word(88, 0x407F);
	set_word(100, 0x6DB0);
	set_word(101, 0x7470);
	return 0;
}

static struct ata_identity decode(void)
{
	struct ata_identity identity;

	assert_int_equal(ata_identify_decode(data, &identity), STATUS_OK);
	return identity;
}

static void expect(enum status status)
{
	struct ata_identity identity;

	assert_int_equal(ata_identify_decode(data, &identity), status);
}

static void test_identify(void **state)
{
	const struct ata_identity id = decode();

	(void)state;
	assert_string_equal(id.model, "Thaw Test Disk");
	assert_string_equal(id.serial, "S3R1AL-7");
	assert_int_equal(id.sector_bytes, 512);
	assert_int_equal(id.physical_sector_bytes, 512);
	assert_int_equal(id.sector_count, 0x74706DB0);
	assert_true(id.lba48 && id.dma && id.ncq && id.write_cache && id.flush && id.flush_ext && id.general_log);
	assert_int_equal(id.ncq_depth, 32);
	assert_int_equal(id.pio_modes, 0x18);
	assert_int_equal(id.multiword_modes, 7);
	assert_int_equal(id.multiword_selected, 4);
	assert_int_equal(id.ultra_modes, 0x7F);
	assert_int_equal(id.ultra_selected, 0x40);
	assert_false(id.ultra_cable_80);
}

static void test_identify_strings(void **state)
{
	(void)state;
	set_text(27, 20, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcd");
	data[2 * 27 + 1] = 0x1B; /* not printable */
	data[2 * 27 + 2 * 19] = 0xE9;
	set_text(10, 10, "");
	assert_string_equal(decode().model, "BCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abc");
	assert_string_equal(decode().serial, "");
	set_text(27, 20, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcd");
	assert_string_equal(decode().model, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789abcd");
}

static void test_identify_checksum(void **state)
{
	(void)state;
	set_checksum();
	assert_int_equal(decode().sector_bytes, 512);
	data[200] ^= 1;
	expect(STATUS_CORRUPT);
	data[510] = 0; /* no checksum there */
	assert_int_equal(decode().sector_bytes, 512);
}

static void test_identify_sector_sizes(void **state)
{
	(void)state;
	set_word(106, 0x6003); /* 512e */
	assert_int_equal(decode().sector_bytes, 512);
	assert_int_equal(decode().physical_sector_bytes, 4096);
	set_word(106, 0x5000); /* 4Kn */
	set_word(117, 2048);
	assert_int_equal(decode().sector_bytes, 4096);
	assert_int_equal(decode().physical_sector_bytes, 4096);
	set_word(117, 256);
	assert_int_equal(decode().sector_bytes, 512);
	set_word(117, 260); /* 520-byte sectors */
	expect(STATUS_UNSUPPORTED);
	set_word(117, 2048);
	set_word(118, 1);
	expect(STATUS_UNSUPPORTED);
	set_word(106, 0x9000); /* not valid: bits 15:14 */
	assert_int_equal(decode().sector_bytes, 512);
}

static void test_identify_sector_counts(void **state)
{
	(void)state;
	set_word(102, 0xFFFF);
	assert_true(decode().sector_count == 0xFFFF74706DB0);
	set_word(103, 1); /* beyond 48 bits */
	expect(STATUS_CORRUPT);
	set_word(103, 0);
	set_word(69, 0x0008);
	set_word(230, 0x1234);
	assert_int_equal(decode().sector_count, 0x1234);
	set_word(230, 0);
	expect(STATUS_CORRUPT);
	set_word(83, 0x7000); /* no LBA48: word 69 does not matter */
	assert_int_equal(decode().sector_count, 0x0FFFFFFF);
	assert_false(decode().flush_ext || decode().ncq);
	set_word(61, 0x1000);
	set_word(60, 1);
	expect(STATUS_CORRUPT);
	set_word(60, 0);
	set_word(61, 0);
	expect(STATUS_CORRUPT);
}

static void test_identify_refused(void **state)
{
	(void)state;
	set_word(0, 0x8580);
	expect(STATUS_UNSUPPORTED);
	set_word(0, 0x0040);
	set_word(49, 0x0100); /* CHS only */
	expect(STATUS_UNSUPPORTED);
}

static void test_identify_features_off(void **state)
{
	(void)state;
	set_word(76, 0xFFFF);
	assert_false(decode().ncq);
	assert_int_equal(decode().ncq_depth, 1);
	set_word(76, 0x0006);
	assert_false(decode().ncq);
	set_word(85, 0);
	assert_false(decode().write_cache);
	set_word(85, 0x20);
	set_word(82, 0);
	assert_false(decode().write_cache);
	set_word(83, 0xF400); /* not valid */
	assert_false(decode().lba48 || decode().flush);
	set_word(53, 0);
	assert_int_equal(decode().ultra_modes, 0);
	assert_int_equal(decode().pio_modes, 0);
	set_word(49, 0x0200);
	assert_false(decode().dma);
	set_word(93, 0x6000);
	assert_true(decode().ultra_cable_80);
	set_word(76, 0x0106);
	set_word(83, 0x7400);
	set_word(75, 0xFFE0);
	assert_true(decode().ncq);
	assert_int_equal(decode().ncq_depth, 1);
}

static void expect_fis(const struct ata_taskfile *taskfile, const uint8_t expected[ATA_FIS_BYTES])
{
	uint8_t fis[ATA_FIS_BYTES];

	memset(fis, 0xEE, sizeof(fis));
	ata_fis_build(taskfile, fis);
	assert_memory_equal(fis, expected, ATA_FIS_BYTES);
}

static struct ata_taskfile transfer(enum ata_transfer kind, uint64_t lba, uint32_t count)
{
	const struct ata_identity id = decode();
	struct ata_taskfile taskfile;

	assert_int_equal(ata_transfer_build(&id, kind, (struct lba){lba}, count, &taskfile), STATUS_OK);
	return taskfile;
}

static void test_transfer_28bit(void **state)
{
	struct ata_taskfile t = transfer(ATA_READ_BY_DMA, 0x0ABCDEF, 255);
	const uint8_t read[20] = {0x27, 0x80, 0xC8, 0, 0xEF, 0xCD, 0xAB, 0x40, 0, 0, 0, 0, 0xFF};

	(void)state;
	expect_fis(&t, read);
	t = transfer(ATA_WRITE_BY_DMA, 0x7654321, 256);
	const uint8_t write[20] = {0x27, 0x80, 0xCA, 0, 0x21, 0x43, 0x65, 0x47, 0, 0, 0, 0, 0};
	expect_fis(&t, write);
	assert_true(t.is_write && !t.is_48bit);
	assert_int_equal(t.lba, 0x654321);
	assert_int_equal(transfer(ATA_READ_BY_PIO, 1, 1).command, 0x20);
	assert_int_equal(transfer(ATA_WRITE_BY_PIO, 1, 1).command, 0x30);
	assert_true(transfer(ATA_WRITE_BY_PIO, 1, 1).is_write);
	assert_false(transfer(ATA_READ_BY_PIO, 1, 1).is_write);
}

static void test_transfer_48bit(void **state)
{
	(void)state;
	set_word(102, 0x8000);
	struct ata_taskfile t = transfer(ATA_READ_BY_DMA, 0x123456789ABC, 0x1234);
	const uint8_t read[20] = {0x27, 0x80, 0x25, 0, 0xBC, 0x9A, 0x78, 0x40, 0x56, 0x34, 0x12, 0, 0x34, 0x12};
	expect_fis(&t, read);
	t = transfer(ATA_WRITE_BY_DMA, 0x10000000, 1);
	const uint8_t write[20] = {0x27, 0x80, 0x35, 0, 0, 0, 0, 0x40, 0x10, 0, 0, 0, 1, 0};
	expect_fis(&t, write);
	t = transfer(ATA_READ_BY_DMA, 0, 65536);
	const uint8_t most[20] = {0x27, 0x80, 0x25, 0, 0, 0, 0, 0x40};
	expect_fis(&t, most);
	assert_int_equal(transfer(ATA_READ_BY_PIO, 0, 257).command, 0x24);
	assert_int_equal(transfer(ATA_WRITE_BY_PIO, 0, 257).command, 0x34);
	/* The boundary: the last LBA that 28 bits can name is asked for with 48. */
	assert_false(transfer(ATA_READ_BY_DMA, 0x0FFFFFFD, 1).is_48bit);
	assert_true(transfer(ATA_READ_BY_DMA, 0x0FFFFFFE, 1).is_48bit);
	assert_true(transfer(ATA_READ_BY_DMA, 0x0FFFFFF0, 32).is_48bit);
}

static void test_transfer_refused(void **state)
{
	struct ata_identity id = decode();
	struct ata_taskfile t;
	const uint64_t end = id.sector_count;

	(void)state;
	assert_int_equal(ata_transfer_build(&id, ATA_READ_BY_DMA, (struct lba){0}, 0, &t), STATUS_INVALID);
	assert_int_equal(ata_transfer_build(&id, ATA_READ_BY_DMA, (struct lba){0}, 65537, &t), STATUS_INVALID);
	assert_int_equal(ata_transfer_build(&id, ATA_READ_BY_DMA, (struct lba){end}, 1, &t), STATUS_INVALID);
	assert_int_equal(ata_transfer_build(&id, ATA_READ_BY_DMA, (struct lba){end - 1}, 2, &t), STATUS_INVALID);
	assert_int_equal(ata_transfer_build(&id, ATA_READ_BY_DMA, (struct lba){end - 1}, 1, &t), STATUS_OK);
	assert_int_equal(ata_transfer_build(&id, ATA_READ_BY_DMA, (struct lba){UINT64_MAX}, 2, &t), STATUS_INVALID);
	id.lba48 = false;
	id.sector_count = 0x0FFFFFFF;
	assert_int_equal(ata_sectors_max(&id), 256);
	assert_int_equal(ata_transfer_build(&id, ATA_READ_BY_DMA, (struct lba){0}, 257, &t), STATUS_INVALID);
	assert_int_equal(ata_transfer_build(&id, ATA_READ_BY_DMA, (struct lba){0x0FFFFFFE}, 1, &t), STATUS_OK);
	assert_false(t.is_48bit);
	assert_int_equal(t.device, 0x4F);
}

static void test_queued(void **state)
{
	struct ata_identity id = decode();
	struct ata_taskfile t;
	const uint8_t expected[20] = {0x27, 0x80, 0x60, 0xCD, 0x15, 0x81, 0x70, 0x40, 0x74, 0, 0, 0xAB, 0xF8, 0};
	const uint8_t written[20] = {0x27, 0x80, 0x61, 0xCD, 0x15, 0x81, 0x70, 0x40, 0x74, 0, 0, 0xAB, 0xF8, 0};
	const uint8_t most[20] = {0x27, 0x80, 0x60, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0};

	(void)state;
	id.sector_count = 0x80000000;
	assert_int_equal(ata_queued_build(&id, ATA_READ_BY_DMA, (struct lba){0x74708115}, 0xABCD, 31, &t), STATUS_OK);
	expect_fis(&t, expected);
	assert_int_equal(ata_queued_build(&id, ATA_READ_BY_DMA, (struct lba){0}, 65536, 0, &t), STATUS_OK);
	expect_fis(&t, most);
	assert_int_equal(ata_queued_build(&id, ATA_READ_BY_DMA, (struct lba){0}, 1, 32, &t), STATUS_INVALID);
	assert_int_equal(ata_queued_build(&id, ATA_READ_BY_DMA, (struct lba){id.sector_count}, 1, 0, &t),
			 STATUS_INVALID);
	assert_int_equal(ata_queued_build(&id, ATA_WRITE_BY_DMA, (struct lba){0x74708115}, 0xABCD, 31, &t), STATUS_OK);
	expect_fis(&t, written);
	assert_true(t.is_write);
	id.ncq = false;
	assert_int_equal(ata_queued_build(&id, ATA_READ_BY_DMA, (struct lba){0}, 1, 0, &t), STATUS_INVALID);
}

static void test_other_commands(void **state)
{
	struct ata_identity id = decode();
	struct ata_taskfile t;
	uint8_t fis[ATA_FIS_BYTES];
	const uint8_t flush_ext[20] = {0x27, 0x80, 0xEA};
	const uint8_t flush[20] = {0x27, 0x80, 0xE7};
	const uint8_t identify[20] = {0x27, 0x80, 0xEC};
	const uint8_t log[20] = {0x27, 0x80, 0x2F, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 1};
	const uint8_t mode[20] = {0x27, 0x80, 0xEF, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0x45};
	const uint8_t reset[20] = {0x27, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x04};

	(void)state;
	assert_int_equal(ata_flush_build(&id, &t), STATUS_OK);
	expect_fis(&t, flush_ext);
	id.flush_ext = false;
	assert_int_equal(ata_flush_build(&id, &t), STATUS_OK);
	expect_fis(&t, flush);
	id.flush = false;
	assert_int_equal(ata_flush_build(&id, &t), STATUS_UNSUPPORTED);
	t = ata_identify_build();
	expect_fis(&t, identify);
	t = ata_ncq_log_build();
	expect_fis(&t, log);
	t = ata_transfer_mode_build(0x45);
	expect_fis(&t, mode);
	memset(fis, 0xEE, sizeof(fis));
	ata_fis_control_build(ATA_CONTROL_SRST, fis);
	assert_memory_equal(fis, reset, sizeof(fis));
}

static void test_ncq_log(void **state)
{
	uint8_t page[ATA_LOG_PAGE_BYTES] = {0x15, 0, 0x41, 0x40, 0x11, 0x22, 0x33, 0x40, 0x44, 0x55, 0x66};
	struct ata_ncq_error error;
	uint8_t sum = 0;

	(void)state;
	for (unsigned i = 0; i < 511; i++)
		sum = (uint8_t)(sum + page[i]);
	page[511] = (uint8_t)-sum;
	assert_int_equal(ata_ncq_log_decode(page, &error), STATUS_OK);
	assert_true(error.is_queued);
	assert_int_equal(error.tag, 0x15);
	assert_int_equal(error.status, 0x41);
	assert_int_equal(error.error, 0x40);
	assert_true(error.lba == 0x665544332211);
	page[0] ^= 0x80; /* NQ; the sum stays right with the opposite change elsewhere */
	page[100] ^= 0x80;
	assert_int_equal(ata_ncq_log_decode(page, &error), STATUS_OK);
	assert_false(error.is_queued);
	page[300] = 1;
	assert_int_equal(ata_ncq_log_decode(page, &error), STATUS_CORRUPT);
}

static void test_signatures(void **state)
{
	(void)state;
	assert_int_equal(ata_kind_of_signature(0x00000101), ATA_KIND_DISK);
	assert_int_equal(ata_kind_of_signature(0xEB140101), ATA_KIND_ATAPI);
	assert_int_equal(ata_kind_of_signature(0x96690101), ATA_KIND_PORT_MULTIPLIER);
	assert_int_equal(ata_kind_of_signature(0xC33C0101), ATA_KIND_ENCLOSURE);
	assert_int_equal(ata_kind_of_signature(UINT32_MAX), ATA_KIND_NONE);
	assert_string_equal(ata_kind_text(ATA_KIND_ATAPI), "an ATAPI device");
}

static void test_publish(void **state)
{
	const struct ata_identity id = decode();
	struct block_identity block = {0};

	(void)state;
	ata_identity_publish(&id, &block);
	assert_string_equal(block.model, id.model);
	assert_string_equal(block.serial, id.serial);
	assert_int_equal(block.sector_bytes, 512);
	assert_int_equal(block.sector_count, 0x74706DB0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_identify, setup),
		cmocka_unit_test_setup(test_identify_strings, setup),
		cmocka_unit_test_setup(test_identify_checksum, setup),
		cmocka_unit_test_setup(test_identify_sector_sizes, setup),
		cmocka_unit_test_setup(test_identify_sector_counts, setup),
		cmocka_unit_test_setup(test_identify_refused, setup),
		cmocka_unit_test_setup(test_identify_features_off, setup),
		cmocka_unit_test_setup(test_transfer_28bit, setup),
		cmocka_unit_test_setup(test_transfer_48bit, setup),
		cmocka_unit_test_setup(test_transfer_refused, setup),
		cmocka_unit_test_setup(test_queued, setup),
		cmocka_unit_test_setup(test_other_commands, setup),
		cmocka_unit_test_setup(test_ncq_log, setup),
		cmocka_unit_test_setup(test_signatures, setup),
		cmocka_unit_test_setup(test_publish, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
