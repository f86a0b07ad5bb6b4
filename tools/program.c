/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fork(2), execve(2), pipe2(2).
 */
#define _GNU_SOURCE
#include "tools/program.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/thaw_say.h"

#define EXIT_NOT_STARTED 127

/* Never returns. */
static void become(const char *const words[PROGRAM_WORDS_MAX])
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	static char locale[] = "LC_ALL=C.UTF-8";
	char *const environment[] = {path, locale, NULL};
	char *copy[PROGRAM_WORDS_MAX];

	/* execve only reads them, whatever its type says. */
	memcpy(copy, words, sizeof(copy));
	execve(words[0], copy, environment);
	_exit(EXIT_NOT_STARTED);
}

static bool wait_for(pid_t process, int *status_out)
{
	while (waitpid(process, status_out, 0) < 0) {
		if (errno != EINTR)
			return false;
	}
	return true;
}

bool program_run(const char *const words[PROGRAM_WORDS_MAX])
{
	pid_t child;
	int status;

	fflush(stdout);
	fflush(stderr);
	child = fork();
	if (child == 0)
		become(words);
	if (child < 0 || !wait_for(child, &status))
		return say_error(words[0], "%s", strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (WIFSIGNALED(status))
		return say_error(words[0], "it was ended by signal %d", WTERMSIG(status));
	return say_error(words[0], "it failed (exit status %d)", WEXITSTATUS(status));
}

bool program_open(const char *const words[PROGRAM_WORDS_MAX], struct program *program_out)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	fflush(stdout);
	program_out->process = fork();
	if (program_out->process == 0) {
		const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

		if (nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 && dup2(nothing, STDERR_FILENO) >= 0 &&
		    dup2(ends[1], STDOUT_FILENO) >= 0)
			become(words);
		_exit(EXIT_NOT_STARTED);
	}
	close(ends[1]);
	program_out->output = program_out->process > 0 ? fdopen(ends[0], "r") : NULL;
	if (program_out->output != NULL)
		return true;
	close(ends[0]);
	return false;
}

bool program_close(struct program *program)
{
	int status;

	fclose(program->output);
	return wait_for(program->process, &status) && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

const char *program_find(const char *const *paths, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	}
	return NULL;
}
