#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Static analysis of the C files given as arguments, several at a time. Every finding is an error.
set -eu

flags="-std=gnu11 -I. -m64 -mgeneral-regs-only -mno-red-zone -ffreestanding
	-isystem /usr/include/efi -isystem /usr/include/efi/x86_64 -DGNU_EFI_USE_MS_ABI -fshort-wchar"
warnings="-Wall -Wextra -Werror -Wconversion -Wshadow -Wundef -Wvla -Wmissing-prototypes -Wstrict-prototypes
	-Wswitch-enum -Wformat=2 -Wpointer-arith -Wcast-align -Wwrite-strings"
failed=0

# name, then a command that gets one file more as its last word
each() {
	printf '  %-8s %s\n' LINT "$1"
	shift
	printf '%s\n' $files | xargs -P "$(nproc)" -n 1 "$@" || failed=1
}

files=$*
# shellcheck disable=SC2086 # words on purpose
each "clang's compiler" clang $flags $warnings -O2 -fsyntax-only
# shellcheck disable=SC2086
each "gcc -fanalyzer" gcc $flags -O2 -fanalyzer -Werror -S -o /dev/null
# shellcheck disable=SC2086,SC2016 # words on purpose; $0 and $1 are the inner shell's
each "clang-tidy" sh -c 'clang-tidy --quiet --warnings-as-errors="*" "$1" -- $0 2>/dev/null' "$flags"
each "cppcheck" cppcheck --quiet --std=c11 --platform=unix64 --enable=warning,portability --inline-suppr \
	--error-exitcode=1 -I. --suppress=missingIncludeSystem
printf '  %-8s %s\n' LINT "clang-format"
# shellcheck disable=SC2046 # file names without blanks
clang-format --dry-run --Werror $(git ls-files '*.c' '*.h') || failed=1

exit $failed
