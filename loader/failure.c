/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The screen of a failed resume.
 */
#include "loader/failure.h"

#include "lib/format.h"
#include "loader/console.h"
#include "loader/dialog.h"
#include "loader/reasons.h"

#define SENTENCE_BYTES 320
#define TEXT_COLUMN    12

/* As a sentence. */
static void say(const char *label, const char *words)
{
	char text[SENTENCE_BYTES];

	format_text(text, sizeof(text), "%s.", words);
	if (text[0] >= 'a' && text[0] <= 'z')
		text[0] = (char)(text[0] - 'a' + 'A');
	dialog_say(label, TEXT_COLUMN, text);
}

void failure_show(const char *reason, const char *detail, uint32_t wait_s)
{
	const struct reason_words *words = reason_words_of(reason);
	const struct dialog_wait wait = {
		.before = "The normal system starts in",
		.after = "; any key starts it at once.",
		.seconds = wait_s,
	};

	if (!words || !words->session)
		return;
	console_drop_keys();
	dialog_rule();
	dialog_say("", 2, "THE HIBERNATED SESSION WAS NOT RESUMED");
	console_write_line("");
	say("  Reason", words->what);
	if (*detail)
		say("  Detail", detail);
	say("  Session", words->session);
	say("  To do", words->advice);
	console_write_line("");
	if (wait_s > 0)
		(void)dialog_wait(&wait);
	dialog_rule();
}
