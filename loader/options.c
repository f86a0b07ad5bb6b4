/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: words as Linux splits them (lib/cmdline.c, next_arg: double quotes keep blanks, '-' and '_' in
 * names are the same), then a table of names. The forms of resume= are those of early_lookup_bdev
 * (block/early-lookup.c) and of the initramfs tools, which know the /dev/disk links.
 */
#include "loader/options.h"

#include "lib/string.h"

/* The longest word that is understood is a resume= with a full text. */
#define WORD_BYTES (OPTION_TEXT_BYTES + 64)

#define ENTRY_LIMIT BIT64(52) /* physical addresses are below */

#define WAIT_MAX_S 600

#define SERIAL_PORTS     4
#define SERIAL_BAUD_BASE 115200u

struct option_word {
	const char *name;                                          /* with '=' when it takes a value */
	bool (*apply)(struct options *options, const char *value); /* false: the value is not valid */
};

struct resume_tag {
	const char *prefix;
	enum resume_kind kind;
	bool udev_escapes; /* a link in /dev/disk: udev writes awkward characters as \xNN */
};

static bool is_blank(char character)
{
	return character == ' ' || (character >= '\t' && character <= '\r');
}

static bool is_digit(char character)
{
	return character >= '0' && character <= '9';
}

/* The value of a hexadecimal digit, or -1. */
static int hex_digit(char character)
{
	if (is_digit(character))
		return character - '0';
	if (character >= 'a' && character <= 'f')
		return character - 'a' + 10;
	if (character >= 'A' && character <= 'F')
		return character - 'A' + 10;
	return -1;
}

static bool text_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Reads decimal digits, at least one; leaves *text behind them. */
static bool number_take(const char **text, uint64_t *number_out)
{
	uint64_t number = 0;

	if (!is_digit(**text))
		return false;
	for (; is_digit(**text); (*text)++) {
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(**text - '0'), &number))
			return false;
	}
	*number_out = number;
	return true;
}

/*
 * Takes the next word, without its quotes. cut_out: it was longer than the buffer. False at the end of the text.
 */
static bool word_take(const char **text, char word_out[WORD_BYTES], bool *cut_out)
{
	size_t length = 0;
	bool quoted = false;

	while (is_blank(**text))
		(*text)++;
	if (**text == '\0')
		return false;
	*cut_out = false;
	for (; **text != '\0' && (quoted || !is_blank(**text)); (*text)++) {
		if (**text == '"')
			quoted = !quoted;
		else if (length < WORD_BYTES - 1)
			word_out[length++] = **text;
		else
			*cut_out = true;
	}
	word_out[length] = '\0';
	return true;
}

/* The value behind the name, "" for a name without '='; NULL when the word is another one. */
static const char *word_value(const char *word, const char *name)
{
	for (; *name != '\0'; word++, name++) {
		const char character = *word == '-' ? '_' : *word;

		if (character != *name)
			return NULL;
		if (character == '=')
			return word + 1;
	}
	return *word == '\0' ? word : NULL;
}

/* Copies into the specification's text, which is long enough for every word, and undoes udev's \xNN if asked to. */
static bool resume_text_set(struct resume_spec *spec, const char *value, bool udev_escapes)
{
	size_t length = 0;

	while (*value != '\0') {
		if (length == OPTION_TEXT_BYTES - 1)
			return false;
		if (udev_escapes && value[0] == '\\' && value[1] == 'x' && hex_digit(value[2]) >= 0 &&
		    hex_digit(value[3]) >= 0) {
			spec->text[length++] = (char)(hex_digit(value[2]) << 4 | hex_digit(value[3]));
			value += 4;
		} else {
			spec->text[length++] = *value++;
		}
	}
	spec->text[length] = '\0';
	return length > 0 && strlen(spec->text) == length;
}

/* Cuts "/PARTNROFF=n" off a PARTUUID's text. */
static bool resume_partition_offset_take(struct resume_spec *spec)
{
	static const char name[] = "/PARTNROFF=";
	char *slash = strchr(spec->text, '/');
	const char *digits;
	bool negative;
	uint64_t number;

	if (!slash)
		return true;
	if (slash == spec->text || !text_starts(slash, name))
		return false;
	digits = slash + sizeof(name) - 1;
	negative = *digits == '-';
	if (negative)
		digits++;
	if (!number_take(&digits, &number) || *digits != '\0' || number > UINT16_MAX)
		return false;
	spec->partition_offset = negative ? -(int32_t)number : (int32_t)number;
	*slash = '\0';
	return true;
}

/* "8:3", or the old hexadecimal form "0803". */
static bool is_device_number(const char *value)
{
	const char *rest = value;
	uint64_t number;
	size_t length;

	if (number_take(&rest, &number) && *rest == ':') {
		rest++;
		return number_take(&rest, &number) && *rest == '\0';
	}
	for (length = 0; hex_digit(value[length]) >= 0; length++)
		continue;
	return length > 0 && length <= 8 && value[length] == '\0';
}

/* The kind of a name in /dev that is no tag; RESUME_ANY when it is none. */
static enum resume_kind node_kind(const char *value)
{
	const char *name, *slash;

	if (!text_starts(value, "/dev/"))
		return is_device_number(value) ? RESUME_NODE : RESUME_ANY;
	name = value + strlen("/dev/");
	slash = strchr(name, '/');
	if (*name == '\0' || slash == name || (slash && slash[1] == '\0'))
		return RESUME_ANY;
	if (text_starts(name, "disk/") || text_starts(name, "block/"))
		return RESUME_NODE;
	if (slash || text_starts(name, "dm-") || (text_starts(name, "md") && is_digit(name[2])))
		return RESUME_MAPPER;
	return RESUME_NODE;
}

static bool resume_parse(struct resume_spec *spec, const char *value)
{
	static const struct resume_tag tags[] = {
		{"UUID=", RESUME_UUID, false},
		{"LABEL=", RESUME_LABEL, false},
		{"PARTUUID=", RESUME_PARTUUID, false},
		{"PARTLABEL=", RESUME_PARTLABEL, false},
		{"/dev/disk/by-uuid/", RESUME_UUID, true},
		{"/dev/disk/by-label/", RESUME_LABEL, true},
		{"/dev/disk/by-partuuid/", RESUME_PARTUUID, true},
		{"/dev/disk/by-partlabel/", RESUME_PARTLABEL, true},
	};

	spec->partition_offset = 0;
	for (size_t i = 0; i < ARRAY_COUNT(tags); i++) {
		if (!text_starts(value, tags[i].prefix))
			continue;
		spec->kind = tags[i].kind;
		return resume_text_set(spec, value + strlen(tags[i].prefix), tags[i].udev_escapes) &&
		       (spec->kind != RESUME_PARTUUID || resume_partition_offset_take(spec));
	}
	spec->kind = node_kind(value);
	return resume_text_set(spec, value, false) && spec->kind != RESUME_ANY;
}

static bool apply_resume(struct options *options, const char *value)
{
	struct resume_spec *spec = &options->resume;

	spec->device_refused = !resume_parse(spec, value);
	if (spec->device_refused) {
		spec->kind = RESUME_ANY;
		spec->text[0] = '\0';
	}
	return !spec->device_refused;
}

static bool apply_resume_offset(struct options *options, const char *value)
{
	struct resume_spec *spec = &options->resume;
	uint64_t pages = 0;

	spec->has_offset = number_take(&value, &pages) && *value == '\0';
	spec->offset_pages = spec->has_offset ? pages : 0;
	spec->offset_refused = !spec->has_offset;
	return spec->has_offset;
}

static bool apply_noresume(struct options *options, const char *value)
{
	(void)value;
	options->noresume = true;
	return true;
}

/* Its other values only matter when Linux hibernates. */
static bool apply_hibernate(struct options *options, const char *value)
{
	if (strcmp(value, "noresume") != 0 && strcmp(value, "no") != 0)
		return false;
	options->noresume = true;
	return true;
}

static bool apply_quiet(struct options *options, const char *value)
{
	(void)value;
	options->quiet = true;
	return true;
}

/* ttySn, then ",115200", then "n8" and "r": what the line is set to anyhow (the rest of Linux's forms is refused). */
static bool apply_console_serial(struct options *options, const char *value)
{
	uint64_t port, baud = SERIAL_BAUD_BASE;

	if (!number_take(&value, &port) || port >= SERIAL_PORTS)
		return false;
	if (*value == ',') {
		value++;
		if (!number_take(&value, &baud) || baud == 0 || SERIAL_BAUD_BASE % baud != 0)
			return false;
		if (*value == 'n')
			value++;
		if (*value == '8')
			value++;
		if (*value == 'r')
			value++;
	}
	if (*value != '\0')
		return false;
	options->console_serial = true;
	options->serial_port = (uint32_t)port;
	options->serial_baud = (uint32_t)baud;
	return true;
}

static bool apply_console(struct options *options, const char *value)
{
	uint64_t terminal;

	if (text_starts(value, "ttyS"))
		return apply_console_serial(options, value + strlen("ttyS"));
	if (!text_starts(value, "tty"))
		return false;
	value += strlen("tty");
	if (*value != '\0' && (!number_take(&value, &terminal) || *value != '\0'))
		return false;
	options->console_screen = true;
	return true;
}

static bool apply_benchmark(struct options *options, const char *value)
{
	options->benchmark = *value == '\0';
	return options->benchmark;
}

static bool apply_snapshot(struct options *options, const char *value)
{
	options->resume.allows_snapshot = *value == '\0';
	return options->resume.allows_snapshot;
}

/* 0xADDRESS, then ",4" or ",5": levels of paging. A value that is not understood allows no dump. */
static bool apply_entry(struct options *options, const char *value)
{
	struct resume_spec *spec = &options->resume;
	uint64_t entry = 0;

	spec->dump_entry = 0;
	spec->dump_levels = 4;
	if (!text_starts(value, "0x"))
		return false;
	for (value += 2; hex_digit(*value) >= 0 && entry < ENTRY_LIMIT; value++)
		entry = entry << 4 | (uint64_t)hex_digit(*value);
	if (strcmp(value, ",5") == 0)
		spec->dump_levels = 5;
	else if (*value != '\0' && strcmp(value, ",4") != 0)
		return false;
	if (entry < ENTRY_LIMIT)
		spec->dump_entry = entry;
	return spec->dump_entry != 0;
}

static bool apply_memory_map(struct options *options, const char *value)
{
	const bool relaxed = strcmp(value, "relaxed") == 0;

	if (!relaxed && strcmp(value, "strict") != 0)
		return false;
	options->memory_map_relaxed = relaxed;
	return true;
}

static bool file_parse(struct file_spec *spec, const char *value)
{
	const char *path = strchr(value, ':');
	size_t length;

	if (!text_starts(value, "UUID=") || !path || path[1] != '/' || strlen(path + 1) >= sizeof(spec->path))
		return false;
	value += strlen("UUID=");
	length = (size_t)(path - value);
	if (length == 0 || length >= sizeof(spec->uuid))
		return false;
	memcpy(spec->uuid, value, length);
	spec->uuid[length] = '\0';
	memcpy(spec->path, path + 1, strlen(path + 1) + 1);
	return true;
}

static bool apply_kernel(struct options *options, const char *value)
{
	const bool understood = file_parse(&options->kernel, value);

	options->file_refused |= !understood;
	return understood;
}

static bool apply_initrd(struct options *options, const char *value)
{
	const bool understood = options->initrd_count < OPTION_INITRDS_MAX &&
				file_parse(&options->initrds[options->initrd_count], value);

	options->initrd_count += understood;
	options->file_refused |= !understood;
	return understood;
}

/* A value that is not understood changes nothing. */
static bool apply_wait(struct options *options, const char *value)
{
	uint64_t seconds = 0;

	if (!number_take(&value, &seconds) || *value != '\0' || seconds > WAIT_MAX_S)
		return false;
	options->wait_s = (uint32_t)seconds;
	return true;
}

/* A file on Thaw's own volume, from its root; slashes are as good as backslashes. */
static bool apply_next(struct options *options, const char *value)
{
	const size_t length = strlen(value);

	options->next[0] = '\0';
	if ((*value != '\\' && *value != '/') || length >= sizeof(options->next))
		return false;
	for (size_t i = 0; i <= length; i++)
		options->next[i] = value[i] == '/' ? '\\' : value[i];
	return true;
}

/* Those that are read from another kernel's command line too. */
static const struct option_word resume_words[] = {
	{"resume=", apply_resume},       {"resume_offset=", apply_resume_offset}, {"noresume", apply_noresume},
	{"nohibernate", apply_noresume}, {"hibernate=", apply_hibernate},
};

static const struct option_word own_words[] = {
	{"console=", apply_console},        {"quiet", apply_quiet},         {"thaw.benchmark", apply_benchmark},
	{"thaw.entry=", apply_entry},       {"thaw.initrd=", apply_initrd}, {"thaw.kernel=", apply_kernel},
	{"thaw.memmap=", apply_memory_map}, {"thaw.next=", apply_next},     {"thaw.snapshot", apply_snapshot},
	{"thaw.wait=", apply_wait},
};

/* False: not one of these words, or its value is not valid. A cut word has no valid value. */
static bool word_apply(const struct option_word *words, size_t count, struct options *options, const char *word,
		       bool cut)
{
	for (size_t i = 0; i < count; i++) {
		const char *value = word_value(word, words[i].name);

		if (value)
			return words[i].apply(options, cut ? "" : value);
	}
	return false;
}

void options_parse(const char *text, struct options *options_out, void (*unknown)(void *context, const char *word),
		   void *context)
{
	char word[WORD_BYTES];
	bool cut;

	memset(options_out, 0, sizeof(*options_out));
	options_out->serial_baud = SERIAL_BAUD_BASE;
	options_out->wait_s = OPTION_WAIT_USUAL_S;
	while (word_take(&text, word, &cut) && strcmp(word, "--") != 0) {
		if (!word_apply(resume_words, ARRAY_COUNT(resume_words), options_out, word, cut) &&
		    !word_apply(own_words, ARRAY_COUNT(own_words), options_out, word, cut))
			unknown(context, word);
	}
	if (!options_out->console_serial)
		options_out->console_screen = true;
}

void options_parse_kernel(const char *text, struct resume_spec *spec_out, bool *noresume_out)
{
	static struct options options; /* too large for the stack */
	char word[WORD_BYTES];
	bool cut;

	memset(&options, 0, sizeof(options));
	while (word_take(&text, word, &cut) && strcmp(word, "--") != 0)
		(void)word_apply(resume_words, ARRAY_COUNT(resume_words), &options, word, cut);
	*spec_out = options.resume;
	*noresume_out = options.noresume;
}

const char *options_kernel_command_line(const char *text)
{
	char word[WORD_BYTES];
	bool cut;

	while (word_take(&text, word, &cut)) {
		if (strcmp(word, "--") != 0)
			continue;
		while (is_blank(*text))
			text++;
		return text;
	}
	return "";
}

bool options_name_kernel(const struct options *options)
{
	return options->kernel.uuid[0] != '\0' || options->initrd_count > 0 || options->file_refused;
}
