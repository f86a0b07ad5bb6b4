/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists of findings.
 */
#include "tools/findings.h"

#include <stdarg.h>
#include <string.h>

#include "tools/json.h"

#define RESULT_COLUMNS 9
#define CHECK_COLUMNS  13
#define INDENT         (RESULT_COLUMNS + CHECK_COLUMNS)
#define COLUMNS_MIN    60

void findings_add(struct findings *findings, const char *check, enum finding_result result, const char *format, ...)
{
	struct finding *finding = &findings->list[findings->count];
	va_list arguments;

	if (findings->count == FINDINGS_MAX)
		return;
	findings->count++;
	*finding = (struct finding){.check = check, .result = result};
	va_start(arguments, format);
	vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
}

void findings_advise(struct findings *findings, const char *format, ...)
{
	va_list arguments;

	if (findings->count == 0)
		return;
	va_start(arguments, format);
	vsnprintf(findings->list[findings->count - 1].advice, sizeof(findings->list[0].advice), format, arguments);
	va_end(arguments);
}

enum finding_result findings_worst(const struct findings *findings)
{
	enum finding_result worst = FINDING_OK;

	for (uint32_t i = 0; i < findings->count; i++) {
		const enum finding_result result = findings->list[i].result;

		if (result != FINDING_UNKNOWN && result > worst)
			worst = result;
	}
	return worst;
}

const char *finding_result_text(enum finding_result result)
{
	switch (result) {
	case FINDING_OK:
		return "ok";
	case FINDING_UNKNOWN:
		return "unknown";
	case FINDING_WARNING:
		return "warning";
	case FINDING_PROBLEM:
		return "problem";
	case FINDING_BLOCKED:
		return "blocked";
	}
	return "";
}

/* From column INDENT on; what is in front of the first line was printed. */
static void text_wrap(const char *text, uint32_t columns, FILE *stream)
{
	const size_t room = columns - INDENT;

	while (strlen(text) > room) {
		size_t length = room;

		while (length > 0 && text[length] != ' ')
			length--;
		/* A word that is longer than the line: it is not broken. */
		if (length == 0)
			length = strcspn(text, " ");
		if (text[length] == '\0')
			break;
		fprintf(stream, "%.*s\n%*s", (int)length, text, INDENT, "");
		text += length + 1;
	}
	fprintf(stream, "%s\n", text);
}

void findings_print(const struct findings *findings, uint32_t columns, FILE *stream)
{
	if (columns < COLUMNS_MIN)
		columns = COLUMNS_MIN;
	for (uint32_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];

		fprintf(stream, "%-*s%-*s", RESULT_COLUMNS, finding_result_text(finding->result), CHECK_COLUMNS,
			finding->check);
		text_wrap(finding->text, columns, stream);
		if (finding->advice[0] != '\0') {
			fprintf(stream, "%*s", INDENT, "");
			text_wrap(finding->advice, columns, stream);
		}
	}
}

void findings_json(const struct findings *findings, const char *result, FILE *stream)
{
	struct json json = json_begin(stream);

	json_open(&json, NULL, '{');
	json_text(&json, "result", result);
	json_open(&json, "checks", '[');
	for (uint32_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];

		json_open(&json, NULL, '{');
		json_text(&json, "check", finding->check);
		json_text(&json, "result", finding_result_text(finding->result));
		json_text(&json, "text", finding->text);
		if (finding->advice[0] != '\0')
			json_text(&json, "advice", finding->advice);
		json_close(&json, '{');
	}
	json_close(&json, '[');
	json_close(&json, '{');
}
