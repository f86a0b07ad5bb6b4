/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `thaw inspect` and `thaw verify` share for both kinds of image: ends, comparison with this machine, pictures.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/thaw_image.h"
#include "tools/thaw_say.h"

enum thaw_exit image_exit(enum status status)
{
	if (status == STATUS_OK)
		return THAW_EXIT_OK;
	if (status == STATUS_NOT_FOUND)
		return THAW_EXIT_NO_IMAGE;
	if (status == STATUS_CORRUPT || status == STATUS_UNSUPPORTED || status == STATUS_MISMATCH)
		return THAW_EXIT_REFUSED;
	return THAW_EXIT_TROUBLE;
}

enum thaw_exit image_refuse(const struct image_options *options, enum status status, const char *reason)
{
	static const char *const results[] = {"ok", "refused", "trouble", "no-image"};
	const enum thaw_exit result = image_exit(status);
	struct json json;

	if (options->print.is_json) {
		json = json_begin(stdout);
		json_open(&json, NULL, '{');
		json_text(&json, "result", results[result]);
		json_text(&json, "reason", reason);
		json_close(&json, '{');
	} else {
		say_error(options->path, "%s", reason);
	}
	return result;
}

bool image_here_begin(const struct image_options *options, struct here **here_out)
{
	static const struct tree system = {""};
	const char *reason;

	*here_out = NULL;
	if (!options->compares_here)
		return true;
	*here_out = malloc(sizeof(**here_out));
	if (*here_out == NULL)
		abort();
	if (here_read(&system, *here_out, &reason))
		return true;
	free(*here_out);
	*here_out = NULL;
	return say_refusal("--here: %s", reason);
}

static void here_print(const struct here *here, const struct image_machine *machine)
{
	char text[128] = "";

	if (here->wrong_frames > 0)
		snprintf(text, sizeof(text), ", %" PRIu64 " are not, the first %#" PRIx64, here->wrong_frames,
			 here->first_wrong);
	printf("here         %" PRIu64 " frames are RAM%s\n", here->right_frames, text);
	if (machine->has_checksum)
		printf("             memory map checksum %08" PRIx32 ", %s\n", here->checksum,
		       here->checksum == machine->checksum ? "the same" : "another");
	if (machine->has_signature)
		printf("             hardware signature %s\n", !here->has_signature ? "not known (root can see it)"
							       : here->signature == machine->signature ? "the same"
												       : "another");
}

static void here_json(const struct here *here, const struct image_machine *machine, struct json *json)
{
	json_open(json, "here", '{');
	json_number(json, "ram_frames", here->right_frames);
	json_number(json, "other_frames", here->wrong_frames);
	if (machine->has_checksum)
		json_bool(json, "same_memory_map", here->checksum == machine->checksum);
	if (machine->has_signature && here->has_signature)
		json_bool(json, "same_hardware_signature", here->signature == machine->signature);
	json_close(json, '{');
}

bool image_here_end(const struct here *here, const struct image_machine *machine, struct json *json,
		    const char **reason_out)
{
	if (json != NULL)
		here_json(here, machine, json);
	else
		here_print(here, machine);
	*reason_out = "it is not for this machine: frames of it are no RAM here";
	if (here->wrong_frames > 0)
		return false;
	*reason_out =
		"it is not for this machine as it is: the memory map is another (thaw.memmap=relaxed allows that)";
	if (machine->has_checksum && here->checksum != machine->checksum)
		return false;
	*reason_out = "it is not for this machine as it is: the hardware's signature is another";
	return !machine->has_signature || !here->has_signature || here->signature == machine->signature;
}

bool image_svg_write(const struct image_options *options, const struct image_facts *facts)
{
	const char *slash = strrchr(options->path, '/');
	char title[256];
	FILE *stream;
	int descriptor;
	bool good;

	if (options->svg == NULL)
		return true;
	/* Nothing that exists is written to: neither a swap area nor anything else. */
	descriptor = open(options->svg, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (descriptor < 0)
		return say_error(options->svg, "%s", strerror(errno));
	stream = fdopen(descriptor, "w");
	if (stream == NULL)
		abort();
	snprintf(title, sizeof(title), "Frames of the image in %s", slash != NULL ? slash + 1 : options->path);
	frame_map_svg(&facts->frames, title, stream);
	good = ferror(stream) == 0;
	good &= fclose(stream) == 0;
	return good || say_error(options->svg, "%s", strerror(errno));
}
