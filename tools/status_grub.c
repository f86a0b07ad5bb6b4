/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does GRUB start Thaw at the next power-on, and does it know when not to?
 */
#include <string.h>

#include "tools/status_checks.h"

static void loader_check(const struct system_view *view, struct findings *findings)
{
	const char *firmware = view->is_uefi ? "UEFI" : "BIOS";

	if (view->loader == ANSWER_YES) {
		findings_add(findings, "loader", FINDING_OK, "%s firmware, %s is installed", firmware,
			     view->loader_path);
	} else if (view->loader == ANSWER_NO) {
		findings_add(findings, "loader", FINDING_PROBLEM, "%s firmware, but %s is not there", firmware,
			     view->loader_path);
		findings_advise(findings, "Install Thaw again (the package, or `make install`), then `update-grub`.");
	} else {
		findings_add(findings, "loader", FINDING_UNKNOWN, "%s can be seen by root only", view->loader_path);
	}
}

/* True: there is an entry to look at. */
static bool menu_check(const struct system_view *view, struct findings *findings)
{
	static const char check[] = "entry";
	const struct system_grub *grub = &view->grub;

	if (grub->disabled_by[0] != '\0') {
		findings_add(findings, check, FINDING_PROBLEM, "Thaw is switched off in %s", grub->disabled_by);
		findings_advise(findings, "`thaw enable` switches it on.");
		return false;
	}
	if (grub->is_readable == ANSWER_UNKNOWN) {
		findings_add(findings, check, FINDING_UNKNOWN, SYSTEM_GRUB_CFG " can be read by root only");
		return false;
	}
	if (grub->is_readable == ANSWER_NO) {
		findings_add(findings, check, FINDING_PROBLEM, SYSTEM_GRUB_CFG " is not there");
		findings_advise(findings, "Thaw is started by GRUB; with another boot loader see docs/installing.md.");
		return false;
	}
	if (!grub->cfg.has_entry) {
		findings_add(findings, check, FINDING_PROBLEM, "GRUB's menu has no entry of Thaw%s",
			     grub->generator == ANSWER_NO ? ": " SYSTEM_GENERATOR " is not there" : "");
		findings_advise(findings, "%s",
				grub->generator == ANSWER_NO ? "Install Thaw again, then `update-grub`."
							     : "Run `update-grub` and read what it says.");
		return false;
	}
	return true;
}

static void entry_check(const struct system_view *view, struct findings *findings)
{
	static const char check[] = "entry";
	const struct system_grub *grub = &view->grub;
	const struct grub_start *start = view->is_uefi ? &grub->cfg.uefi : &grub->cfg.bios;

	if (!menu_check(view, findings))
		return;
	if (!start->is_there) {
		findings_add(findings, check, FINDING_PROBLEM, "GRUB's entry does not start Thaw on %s machines",
			     view->is_uefi ? "UEFI" : "BIOS");
		findings_advise(findings,
				"Run `update-grub`. If that does not help: this version has no loader for it.");
		return;
	}
	if (!grub->cfg.is_default) {
		findings_add(findings, check, FINDING_PROBLEM, "Thaw is in GRUB's menu, but not started by itself");
		findings_advise(findings, "%s",
				grub->cfg.is_guarded ? "Run `update-grub` and read what it says."
						     : "GRUB can't note attempts on this filesystem. "
						       "GRUB_THAW_UNGUARDED=true in /etc/default/thaw starts it all "
						       "the same: see thaw-default(5).");
		return;
	}
	findings_add(findings, check, FINDING_OK, "GRUB starts Thaw by itself, and if need be %s",
		     grub->cfg.kernel[0] != '\0' ? grub->cfg.kernel : "the next entry");
	if (grub->is_stale) {
		findings_add(findings, check, FINDING_WARNING, "settings were changed after GRUB's menu was made");
		findings_advise(findings, "Run `update-grub`.");
	}
}

static void guard_check(const struct system_view *view, struct findings *findings)
{
	static const char check[] = "guard";
	const struct system_grub *grub = &view->grub;

	if (grub->is_readable != ANSWER_YES || !grub->cfg.has_entry)
		return;
	if (grub->was_tried) {
		findings_add(findings, check, FINDING_PROBLEM,
			     "the last attempt is still noted (thaw_try): the next power-on leaves Thaw out");
		findings_advise(findings,
				"`systemctl restart thaw-try.service` or `grub-editenv - unset thaw_try` clears it; "
				"a start that was just done is cleared by itself.");
	} else if (!grub->cfg.is_guarded) {
		findings_add(findings, check, FINDING_WARNING,
			     "GRUB can't note attempts: a Thaw that hangs would hang at every power-on");
		findings_advise(findings, "Keep a GRUB_TIMEOUT that lets you choose another entry.");
	} else if (grub->has_environment == ANSWER_NO) {
		findings_add(findings, check, FINDING_PROBLEM,
			     SYSTEM_GRUBENV " is not there: GRUB can't note attempts, and leaves Thaw out");
		findings_advise(findings, "`grub-editenv " SYSTEM_GRUBENV " create` makes it.");
	} else if (grub->clears_note != ANSWER_YES) {
		findings_add(findings, check, FINDING_PROBLEM,
			     "thaw-try.service is not installed, or masked: every second power-on leaves Thaw out");
		findings_advise(findings, "`systemctl unmask thaw-try.service`, or install Thaw again.");
	} else {
		findings_add(findings, check, FINDING_OK, "an attempt that hangs is not repeated at the next power-on");
	}
	if (grub->has_next_entry) {
		findings_add(findings, check, FINDING_PROBLEM,
			     "grub-reboot chose another entry for the next power-on: Thaw is not started then");
		findings_advise(findings, "`grub-editenv - unset next_entry` takes it back.");
	}
}

void status_check_grub(const struct system_view *view, struct findings *findings)
{
	loader_check(view, findings);
	entry_check(view, findings);
	guard_check(view, findings);
}
