/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A port of an AHCI controller: its engine, its link, recovery after errors, and single commands (Serial ATA AHCI
 * 1.3.1, sections 5, 6.2.2, 10.1.2 and 10.4.2). Everything that takes time is a state with a deadline; nothing here
 * waits but the functions that say so.
 */
#include "drivers/ata/ahci_internal.h"

#include "drivers/ata/ahci_regs.h"
#include "drivers/timer.h"
#include "lib/log.h"

enum {
	COMRESET_HOLD_US = 1000,     /* at least 1 ms (10.4.2) */
	LINK_EMPTY_US = 50000,       /* a device answers a COMRESET within 10 ms (SATA 3.1, 8.4.1), or is not there */
	LINK_STILL_EMPTY_US = 15000, /* the same, where the firmware has seen none either */
	LINK_READY_US = 1000000,     /* from being present to communication */
	SETTLE_US = 10000000,        /* a disk's own reset, spin-up included */
	IDENTIFY_US = 5000000,
	READ_LOG_US = 2000000,
};

#define STATUS_NOT_READY (ATA_STATUS_BSY | ATA_STATUS_DRQ)

uint32_t ahci_port_read(const struct ahci_port *port, uint32_t offset)
{
	return mmio_read32(port->registers, offset);
}

void ahci_port_write(const struct ahci_port *port, uint32_t offset, uint32_t value)
{
	mmio_write32(port->registers, offset, value);
}

static void command_bits_clear(const struct ahci_port *port, uint32_t bits)
{
	ahci_port_write(port, AHCI_PX_CMD, ahci_port_read(port, AHCI_PX_CMD) & ~bits);
}

static void command_bits_set(const struct ahci_port *port, uint32_t bits)
{
	ahci_port_write(port, AHCI_PX_CMD, ahci_port_read(port, AHCI_PX_CMD) | bits);
}

static bool command_bits_are_clear(const struct ahci_port *port, uint32_t bits)
{
	return (ahci_port_read(port, AHCI_PX_CMD) & bits) == 0;
}

static uint32_t link_state(const struct ahci_port *port)
{
	return ahci_port_read(port, AHCI_PX_SSTS) & AHCI_PX_SSTS_DET_MASK;
}

static void errors_clear(const struct ahci_port *port)
{
	ahci_port_write(port, AHCI_PX_SERR, AHCI_ALL_ONES);
	ahci_port_write(port, AHCI_PX_IS, AHCI_ALL_ONES);
}

static void state_enter(struct ahci_port *port, enum ahci_port_state state, uint64_t timeout_us)
{
	port->state = state;
	port->deadline_us = timer_now_us() + timeout_us;
}

static bool deadline_is_over(const struct ahci_port *port)
{
	return timer_now_us() >= port->deadline_us;
}

/* Nothing more will happen here. The engine must not be left running, or it would write to memory given back. */
static void port_retire(struct ahci_port *port, const char *why)
{
	if (why != NULL)
		log_line("ahci%u.%u: %s", port->controller->index, port->index, why);
	if (!command_bits_are_clear(port, AHCI_PX_CMD_CR)) {
		ahci_controller_fail(port->controller, "its engine does not stop");
		return;
	}
	command_bits_clear(port, AHCI_PX_CMD_FRE);
	port->state = port->is_identified ? AHCI_PORT_GONE : AHCI_PORT_OFF;
}

/* --- a single command in slot 0, with the port's own small table ----------------------------------------------- */

static void single_issue(struct ahci_port *port, const struct ata_taskfile *taskfile, struct paddr data, uint32_t bytes)
{
	struct ahci_port_memory *memory = port->memory;
	const struct block_segment segment = {.address = data, .bytes = bytes};
	uint32_t prd_count = 0;

	ahci_table_build(&memory->table, taskfile);
	/* Callers keep to what one entry can say. */
	if (bytes > 0 && ahci_prds_build(&segment, 1, memory->prd, 1, &prd_count) != STATUS_OK)
		prd_count = 0;
	ahci_header_build(&memory->headers[0], virt_to_paddr(&memory->table), prd_count, taskfile->is_write);
	ahci_port_write(port, AHCI_PX_CI, BIT(0));
}

/* STATUS_AGAIN: not yet. The completion reads the task file. */
static enum status single_check(const struct ahci_port *port)
{
	/* First whether it is finished, then how: the other way round an error between the two would be lost. */
	const bool is_active = (ahci_port_read(port, AHCI_PX_CI) & BIT(0)) != 0;
	const uint32_t interrupts = ahci_port_read(port, AHCI_PX_IS);
	const uint32_t task_file = ahci_port_read(port, AHCI_PX_TFD);

	if ((interrupts & AHCI_PX_IS_FATAL) != 0)
		return STATUS_IO_ERROR;
	if (is_active && link_state(port) == AHCI_PX_SSTS_DET_READY)
		return STATUS_AGAIN;
	if (is_active || (task_file & (STATUS_NOT_READY | ATA_STATUS_ERR | ATA_STATUS_DF)) != 0)
		return STATUS_IO_ERROR;
	return STATUS_OK;
}

/* --- states ---------------------------------------------------------------------------------------------------- */

static void hold_enter(struct ahci_port *port)
{
	/* What is asked of the port after a COMRESET is only that it runs: the device has forgotten its log. */
	port->plan = AHCI_PLAN_RESTART;
	ahci_port_write(port, AHCI_PX_SCTL, AHCI_PX_SCTL_IPM_NONE | AHCI_PX_SCTL_DET_RESET);
	state_enter(port, AHCI_PORT_HOLDING, COMRESET_HOLD_US);
}

static void ask(struct ahci_port *port, const struct ata_taskfile *taskfile, uint64_t timeout_us)
{
	state_enter(port, AHCI_PORT_ASKING, timeout_us);
	single_issue(port, taskfile, virt_to_paddr(port->memory->data), sizeof(port->memory->data));
}

/* The device is ready and the engine stopped. */
static void engine_start(struct ahci_port *port)
{
	const struct ata_taskfile identify = ata_identify_build();
	const struct ata_taskfile read_log = ata_ncq_log_build();

	errors_clear(port);
	command_bits_set(port, AHCI_PX_CMD_FRE);
	command_bits_set(port, AHCI_PX_CMD_ST);
	if (!port->is_identified)
		ask(port, &identify, IDENTIFY_US);
	else if (port->plan == AHCI_PLAN_READ_LOG)
		ask(port, &read_log, READ_LOG_US);
	else
		port->state = AHCI_PORT_RUNNING;
}

/* 6.2.2: after an error, ST is cleared; unless all is quiet then, the device needs a COMRESET. */
static void step_stopping(struct ahci_port *port)
{
	const bool is_stopped = command_bits_are_clear(port, AHCI_PX_CMD_CR);

	if (!is_stopped && !deadline_is_over(port))
		return;
	if (port->plan == AHCI_PLAN_GIVE_UP) {
		port_retire(port, "given up");
		return;
	}
	/* Clearing ST clears CI and SACT (3.3.13, 3.3.14). Where it does not, the device still holds commands. */
	const uint32_t left = ahci_port_read(port, AHCI_PX_CI) | ahci_port_read(port, AHCI_PX_SACT);
	const bool is_ready = (ahci_port_read(port, AHCI_PX_TFD) & STATUS_NOT_READY) == 0;
	const bool is_linked = link_state(port) == AHCI_PX_SSTS_DET_READY;
	if (is_stopped && left == 0 && is_ready && is_linked && port->plan != AHCI_PLAN_RESET)
		engine_start(port);
	else
		hold_enter(port);
}

static void step_holding(struct ahci_port *port)
{
	if (!deadline_is_over(port))
		return;
	ahci_port_write(port, AHCI_PX_SCTL, AHCI_PX_SCTL_IPM_NONE | AHCI_PX_SCTL_DET_NONE);
	state_enter(port, AHCI_PORT_LINKING, LINK_READY_US);
	port->link_start_us = timer_now_us();
}

static void step_linking(struct ahci_port *port)
{
	const uint32_t link = link_state(port);

	if (link == AHCI_PX_SSTS_DET_READY) {
		state_enter(port, AHCI_PORT_SETTLING, SETTLE_US);
		return;
	}
	const bool is_present = link == AHCI_PX_SSTS_DET_PRESENT;
	const uint64_t patience_us = port->was_empty ? LINK_STILL_EMPTY_US : LINK_EMPTY_US;
	const bool is_late = timer_now_us() - port->link_start_us >= patience_us;
	if (deadline_is_over(port))
		port_retire(port, is_present ? "a device, but no link" : "no link");
	else if (!is_present && is_late)
		port_retire(port, port->is_identified ? "the disk is gone" : NULL);
}

static void step_settling(struct ahci_port *port)
{
	const bool is_ready = (ahci_port_read(port, AHCI_PX_TFD) & STATUS_NOT_READY) == 0;

	if (!is_ready && !deadline_is_over(port)) {
		/* While DIAG.X stands in SERR, the first FIS is not let in (3.3.8); a second COMINIT sets it again. */
		ahci_port_write(port, AHCI_PX_SERR, AHCI_ALL_ONES);
		return;
	}
	if (!is_ready) {
		port_retire(port, "the device does not become ready");
		return;
	}
	if (!command_bits_are_clear(port, AHCI_PX_CMD_CR)) {
		ahci_controller_fail(port->controller, "an engine does not stop");
		return;
	}
	const enum ata_kind kind = ata_kind_of_signature(ahci_port_read(port, AHCI_PX_SIG));
	if (kind == ATA_KIND_DISK) {
		engine_start(port);
		return;
	}
	log_line("ahci%u.%u: %s, passed over", port->controller->index, port->index, ata_kind_text(kind));
	port_retire(port, NULL);
}

static void identify_finish(struct ahci_port *port, enum status status)
{
	if (status == STATUS_OK)
		status = ata_identify_decode(port->memory->data, &port->ata);
	if (status == STATUS_OK && !port->ata.dma)
		status = STATUS_UNSUPPORTED;
	if (status == STATUS_OK) {
		port->is_identified = true;
		port->state = AHCI_PORT_RUNNING;
		return;
	}
	log_line("ahci%u.%u: not identified: %s (task file %x)", port->controller->index, port->index,
		 status_text(status), ahci_port_read(port, AHCI_PX_TFD));
	ahci_port_stop_begin(port, AHCI_PLAN_GIVE_UP);
}

static void log_finish(struct ahci_port *port, enum status status)
{
	if (status == STATUS_OK)
		status = ata_ncq_log_decode(port->memory->data, &port->ncq_error);
	if (status != STATUS_OK) {
		/* The device refuses commands until the log is read, or a COMRESET. */
		ahci_port_stop_begin(port, AHCI_PLAN_RESET);
		return;
	}
	port->is_log_valid = true;
	port->state = AHCI_PORT_RUNNING;
}

static void step_asking(struct ahci_port *port)
{
	enum status status = single_check(port);

	if (status == STATUS_AGAIN) {
		if (!deadline_is_over(port))
			return;
		status = STATUS_TIMEOUT;
	}
	if (port->is_identified)
		log_finish(port, status);
	else
		identify_finish(port, status);
}

/* --- waiting --------------------------------------------------------------------------------------------------- */

static bool settle_condition(void *context)
{
	struct ahci_port *port = context;

	ahci_port_step(port);
	return ahci_port_is_settled(port);
}

static bool is_list_stopped(void *context)
{
	return command_bits_are_clear(context, AHCI_PX_CMD_CR);
}

static bool is_receive_stopped(void *context)
{
	return command_bits_are_clear(context, AHCI_PX_CMD_FR);
}

static bool is_single_finished(void *context)
{
	return single_check(context) != STATUS_AGAIN;
}

/* --- for the other layers -------------------------------------------------------------------------------------- */

void ahci_port_attach(struct ahci_port *port)
{
	const uint64_t list = virt_to_paddr(port->memory->headers).value;
	const uint64_t received = virt_to_paddr(port->memory->received_fis).value;

	ahci_port_write(port, AHCI_PX_IE, 0);
	ahci_port_write(port, AHCI_PX_CLB, (uint32_t)list);
	ahci_port_write(port, AHCI_PX_CLBU, (uint32_t)(list >> 32));
	ahci_port_write(port, AHCI_PX_FB, (uint32_t)received);
	ahci_port_write(port, AHCI_PX_FBU, (uint32_t)(received >> 32));
}

void ahci_port_begin(struct ahci_port *port)
{
	port->gone_status = STATUS_IO_ERROR;
	errors_clear(port);
	ahci_port_write(port, AHCI_PX_CMD,
			AHCI_PX_CMD_POD | AHCI_PX_CMD_SUD | AHCI_PX_CMD_FRE | AHCI_PX_CMD_ICC_ACTIVE);
	hold_enter(port);
}

void ahci_port_stop_begin(struct ahci_port *port, enum ahci_port_plan plan)
{
	port->plan = plan;
	port->is_log_valid = false;
	command_bits_clear(port, AHCI_PX_CMD_ST);
	state_enter(port, AHCI_PORT_STOPPING, AHCI_ENGINE_STOP_US);
}

void ahci_port_step(struct ahci_port *port)
{
	switch (port->state) {
	case AHCI_PORT_STOPPING:
		step_stopping(port);
		break;
	case AHCI_PORT_HOLDING:
		step_holding(port);
		break;
	case AHCI_PORT_LINKING:
		step_linking(port);
		break;
	case AHCI_PORT_SETTLING:
		step_settling(port);
		break;
	case AHCI_PORT_ASKING:
		step_asking(port);
		break;
	case AHCI_PORT_RUNNING:
	case AHCI_PORT_OFF:
	case AHCI_PORT_GONE:
		break;
	}
}

bool ahci_port_is_settled(const struct ahci_port *port)
{
	return port->state == AHCI_PORT_RUNNING || port->state == AHCI_PORT_OFF || port->state == AHCI_PORT_GONE;
}

enum status ahci_port_settle(struct ahci_port *port, uint64_t timeout_us)
{
	TRY(poll_until(settle_condition, port, timeout_us));
	return port->state == AHCI_PORT_RUNNING ? STATUS_OK : STATUS_IO_ERROR;
}

enum status ahci_port_stop(struct ahci_port *port)
{
	command_bits_clear(port, AHCI_PX_CMD_ST);
	TRY(poll_until(is_list_stopped, port, AHCI_ENGINE_STOP_US));
	command_bits_clear(port, AHCI_PX_CMD_FRE);
	return poll_until(is_receive_stopped, port, AHCI_ENGINE_STOP_US);
}

void ahci_port_start(struct ahci_port *port)
{
	errors_clear(port);
	command_bits_set(port, AHCI_PX_CMD_FRE);
	command_bits_set(port, AHCI_PX_CMD_ST);
}

enum status ahci_port_command(struct ahci_port *port, const struct ata_taskfile *taskfile, struct paddr data,
			      uint32_t bytes, uint64_t timeout_us)
{
	single_issue(port, taskfile, data, bytes);
	enum status status = poll_until(is_single_finished, port, timeout_us);
	if (status == STATUS_OK)
		status = single_check(port);
	if (status == STATUS_OK)
		return STATUS_OK;
	log_line("ahci%u.%u: command %02x at %llu: %s (task file %x, link error %x)", port->controller->index,
		 port->index, taskfile->command, (unsigned long long)taskfile->lba, status_text(status),
		 ahci_port_read(port, AHCI_PX_TFD), ahci_port_read(port, AHCI_PX_SERR));
	ahci_port_stop_begin(port, status == STATUS_TIMEOUT ? AHCI_PLAN_RESET : AHCI_PLAN_RESTART);
	return status;
}
