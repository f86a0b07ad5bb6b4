/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NVMe's structures in memory: queue entries, PRP lists, identify data (NVM Express Base Specification 2.0, sections
 * 3.3.3, 4.1, 5.17; NVM Command Set 1.0). Pure.
 */
#pragma once

#include "include/block.h"

enum nvme_admin_opcode {
	NVME_ADMIN_CREATE_SQ = 0x01,
	NVME_ADMIN_CREATE_CQ = 0x05,
	NVME_ADMIN_IDENTIFY = 0x06,
	NVME_ADMIN_SET_FEATURES = 0x09,
};

enum nvme_opcode {
	NVME_FLUSH = 0x00,
	NVME_WRITE = 0x01,
	NVME_READ = 0x02,
};

enum nvme_cns {
	NVME_CNS_NAMESPACE = 0,
	NVME_CNS_CONTROLLER = 1,
	NVME_CNS_ACTIVE_LIST = 2, /* since 1.1 */
};

#define NVME_FEATURE_QUEUES 0x07

/* A submission queue entry. */
struct nvme_command {
	uint8_t opcode;
	uint8_t flags;
	uint16_t id;
	uint32_t nsid;
	uint64_t reserved;
	uint64_t metadata;
	uint64_t prp1;
	uint64_t prp2;
	uint32_t dwords[6]; /* CDW10 to CDW15 */
};

_Static_assert(sizeof(struct nvme_command) == 64, "a submission queue entry");

/* A completion queue entry. */
struct nvme_completion {
	uint32_t result;
	uint32_t reserved;
	uint16_t sq_head;
	uint16_t sq_id;
	uint16_t id;
	uint16_t status; /* bit 0: phase; 1-11: code and type, 0: success; 15: do not retry */
};

_Static_assert(sizeof(struct nvme_completion) == 16, "a completion queue entry");

#define NVME_STATUS_PHASE        BIT(0)
#define NVME_STATUS_CODE_MASK    0x0FFEu
#define NVME_STATUS_DO_NOT_RETRY BIT(15)

#define NVME_PRPS_MAX (PAGE_BYTES / sizeof(uint64_t)) /* in one list */

/* One page of PRP entries, for one command. */
struct nvme_prp_list {
	uint64_t entries[NVME_PRPS_MAX];
};

/*
 * Fills PRP1 and PRP2 of a command, and *list if it takes one. Segments as include/block.h says.
 * STATUS_INVALID: they are not, or are more than a list holds.
 */
nodiscard enum status nvme_prps_build(struct nvme_command *command, const struct block_segment *segments,
				      uint32_t count, struct nvme_prp_list *list);

/* Of the controller. */
struct nvme_controller_identity {
	char model[41];
	char serial[21];
	uint64_t transfer_bytes_max; /* UINT64_MAX: no limit */
	uint32_t namespaces_max;
	bool has_write_cache;
};

void nvme_controller_decode(const struct page *data, struct nvme_controller_identity *identity_out);

/*
 * Of a namespace. STATUS_NOT_FOUND: not active; STATUS_UNSUPPORTED: sectors that are neither 512 nor 4096 bytes, or
 * with metadata.
 */
nodiscard enum status nvme_namespace_decode(const struct page *data, uint32_t *sector_bytes_out,
					    uint64_t *sector_count_out);
