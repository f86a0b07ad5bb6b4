/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Somebody who looks; see fake_watch.h. */
#include "tests/unit/fake_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static enum status look(struct restore_watch *watch, uint64_t done, uint64_t total, void (*idle)(void *context),
			void *context)
{
	struct fake_watch *fake = (struct fake_watch *)watch;

	assert_true(done <= total);
	assert_true(done >= fake->done);
	assert_true(fake->total == 0 || total == fake->total);
	fake->done = done;
	fake->total = total;
	for (uint64_t i = 0; idle && i < fake->idle_calls; i++)
		idle(context);
	return ++fake->looks == fake->end_at ? STATUS_USER : STATUS_OK;
}

struct restore_watch *fake_watch_begin(struct fake_watch *fake)
{
	fake->watch = (struct restore_watch){.look = look};
	fake->looks = fake->done = fake->total = 0;
	return &fake->watch;
}
