#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Static analysis of the loader's C files, given as arguments. Every finding is an error.
set -eu

flags="-std=gnu11 -I. -m64 -mgeneral-regs-only -mno-red-zone -ffreestanding"
warnings="-Wall -Wextra -Werror -Wconversion -Wshadow -Wundef -Wvla -Wmissing-prototypes -Wstrict-prototypes
	-Wswitch-enum -Wformat=2 -Wpointer-arith -Wcast-align -Wwrite-strings"
failed=0

note() {
	printf '  %-8s %s\n' LINT "$1"
}

note "clang's compiler"
for file in "$@"; do
	# shellcheck disable=SC2086 # words on purpose
	clang $flags $warnings -O2 -fsyntax-only "$file" || failed=1
done

note "gcc -fanalyzer"
for file in "$@"; do
	# shellcheck disable=SC2086
	gcc $flags -O2 -fanalyzer -Werror -fsyntax-only "$file" || failed=1
done

note "clang-tidy"
# shellcheck disable=SC2086
clang-tidy --quiet --warnings-as-errors='*' "$@" -- $flags 2>/dev/null || failed=1

note "cppcheck"
cppcheck --quiet --std=c11 --platform=unix64 --enable=warning,portability --inline-suppr --error-exitcode=1 -I. \
	--suppress=missingIncludeSystem "$@" || failed=1

exit $failed
