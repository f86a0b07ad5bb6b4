#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Static analysis of C files, several at a time: `loader` or `tools`, and then their names. Every finding is an error.
set -eu

case $1 in
loader) flags="-std=gnu11 -I. -m64 -mgeneral-regs-only -mno-red-zone -ffreestanding
	-isystem /usr/include/efi -isystem /usr/include/efi/x86_64 -DGNU_EFI_USE_MS_ABI -fshort-wchar" ;;
# What is printed may be cut off or lost, and the numbers of /proc need no more care than sscanf's.
tools) flags="-std=gnu11 -I."
	checks=--checks=-cert-err33-c,-cert-err34-c,-cert-env33-c ;;
*) exit 2 ;;
esac
shift
warnings="-Wall -Wextra -Werror -Wconversion -Wshadow -Wundef -Wvla -Wmissing-prototypes -Wstrict-prototypes
	-Wswitch-enum -Wformat=2 -Wpointer-arith -Wcast-align -Wwrite-strings"
failed=0
checks=${checks:---checks=}

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
each "clang-tidy" sh -c 'clang-tidy --quiet $1 --warnings-as-errors="*" "$2" -- $0 2>/dev/null' "$flags" "$checks"
each "cppcheck" cppcheck --quiet --std=c11 --platform=unix64 --enable=warning,portability --inline-suppr \
	--error-exitcode=1 -I. --suppress=missingIncludeSystem
printf '  %-8s %s\n' LINT "clang-format"
# shellcheck disable=SC2046 # file names without blanks
clang-format --dry-run --Werror $(git ls-files '*.c' '*.h') || failed=1

exit $failed
