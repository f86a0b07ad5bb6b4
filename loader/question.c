/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The question.
 */
#include "loader/question.h"

#include "lib/log.h"
#include "loader/console.h"
#include "loader/console_devices.h"
#include "loader/dialog.h"

#define PATIENCE_S    60
#define CHOICE_COLUMN 7

static enum answer last_answer;

/* Keys are those that every keyboard layout has in one place. */
static void say_choices(void)
{
	dialog_rule();
	dialog_say("", 2, "Resuming is interrupted. Nothing is lost yet. What now?");
	dialog_say("    1", CHOICE_COLUMN, "go on resuming the session (or Enter)");
	dialog_say("    2", CHOICE_COLUMN, "start the normal kernel, and let Linux resume the session");
	dialog_say("    3", CHOICE_COLUMN, "start fresh, and discard the session");
}

static void say_warning(void)
{
	dialog_rule();
	dialog_say("", 2, "Discard the session? All work that was not saved in it is lost for good.");
	dialog_say("", 2,
		   "A fresh start changes the filesystems that the session still has in use. To resume it after that "
		   "would corrupt them: so it can't be kept.");
	dialog_say("    9", CHOICE_COLUMN, "discard it and start fresh");
	dialog_say("    1", CHOICE_COLUMN, "back to the choice (or any other key)");
}

static uint8_t wait_key(void (*idle)(void *context), void *context)
{
	const struct dialog_wait wait = {"The session is resumed in", ".", PATIENCE_S, idle, context};

	return dialog_wait(&wait);
}

/* '9': discard; 0: no answer; anything else: back. A 3 that is held down must not be an answer. */
static uint8_t confirm(void (*idle)(void *context), void *context)
{
	uint8_t key;

	say_warning();
	do
		key = wait_key(idle, context);
	while (key == '3');
	return key;
}

static enum answer choose(void (*idle)(void *context), void *context)
{
	say_choices();
	for (;;) {
		switch (wait_key(idle, context)) {
		case 0:
		case '1':
		case KEY_ENTER:
			return ANSWER_GO_ON;
		case '2':
			return ANSWER_LINUX;
		case '3':
			switch (confirm(idle, context)) {
			case 0:
				return ANSWER_GO_ON;
			case '9':
				return ANSWER_FRESH;
			default:
				say_choices();
			}
			break;
		default:
			break;
		}
	}
}

enum answer question_ask(void (*idle)(void *context), void *context)
{
	static const char *const texts[] = {
		[ANSWER_GO_ON] = "going on",
		[ANSWER_LINUX] = "left to Linux",
		[ANSWER_FRESH] = "discard the session",
	};

	console_drop_keys();
	last_answer = choose(idle, context);
	dialog_rule();
	log_line("key: %s", texts[last_answer]);
	return last_answer;
}

enum answer question_on_escape(void (*idle)(void *context), void *context)
{
	return console_escape_pressed() ? question_ask(idle, context) : ANSWER_GO_ON;
}

enum answer question_answer(void)
{
	return last_answer;
}
