#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Put Thaw's files into a system, or take them away again.
#   usage: [DESTDIR=…] [PREFIX=/usr] install.sh install BUILD_DIRECTORY
#          [DESTDIR=…] [PREFIX=/usr] install.sh uninstall
# Touches nothing but the files named here; grub.cfg is made by update-grub, which is left to the caller.
set -eu

DESTDIR=${DESTDIR-}
PREFIX=${PREFIX:-/usr}
here=$(dirname "$0")
systemd=$PREFIX/lib/systemd
LOADERS=/boot/thaw
GENERATOR=/etc/grub.d/06_thaw
HOOK=$systemd/system-sleep/thaw
COMMAND=$PREFIX/sbin/thaw
RECORDER=$PREFIX/libexec/thaw/session-record
DEFAULTS=/etc/default/thaw
MANUAL=$PREFIX/share/man
COMPLETION=$PREFIX/share/bash-completion/completions/thaw
UNITS=$systemd/system
# The units are wanted by every boot; `systemctl mask` turns one off.
TRY=sysinit.target.wants/thaw-try.service
RECORD=sysinit.target.wants/thaw-record.service
RESULT=multi-user.target.wants/thaw-result.service

# mode, target; the content comes from standard input. Replaced in one step: a power cut leaves the old or the new file
# (and perhaps a name that ends in ~, which grub-mkconfig and systemd pass over).
put() {
	target=$DESTDIR$2
	mkdir -p "$(dirname "$target")"
	cat >"$target.new~"
	chmod "$1" "$target.new~"
	sync "$target.new~"
	mv -f "$target.new~" "$target"
	echo "  INSTALL  $target"
}

# What its owner may have changed is not replaced.
put_settings() {
	if [ -e "$DESTDIR$2" ]; then
		echo "  KEEP     $DESTDIR$2"
	else
		put "$1" "$2"
	fi
}

install_all() {
	put 644 "$LOADERS/thaw.elf" <"$1/thaw.elf"
	put 644 "$LOADERS/thawx64.efi" <"$1/thawx64.efi"
	put 755 "$COMMAND" <"$1/thaw"
	put 755 "$RECORDER" <"$1/session-record"
	put_settings 644 "$DEFAULTS" <"$here/default/thaw"
	put 644 "$MANUAL/man8/thaw.8" <"$here/man/thaw.8"
	put 644 "$MANUAL/man5/thaw-default.5" <"$here/man/thaw-default.5"
	put 644 "$COMPLETION" <"$here/completion/thaw"
	put 755 "$GENERATOR" <"$here/grub/06_thaw"
	put 755 "$HOOK" <"$here/systemd/thaw"
	for wanted in "$TRY" "$RECORD" "$RESULT"; do
		unit=${wanted##*/}
		sed "s|@PREFIX@|$PREFIX|g" "$here/systemd/$unit.in" | put 644 "$UNITS/$unit"
		mkdir -p "$DESTDIR$UNITS/${wanted%/*}"
		ln -sf "../$unit" "$DESTDIR$UNITS/$wanted"
	done
	if [ "$PREFIX" != /usr ]; then
		echo "note: systemd-sleep runs hooks of its own prefix only; link $HOOK into /usr/lib/systemd/system-sleep" >&2
	fi
}

uninstall_all() {
	for file in "$UNITS/$TRY" "$UNITS/$RECORD" "$UNITS/$RESULT" "$UNITS/${TRY##*/}" "$UNITS/${RECORD##*/}" \
		"$UNITS/${RESULT##*/}" "$HOOK" "$GENERATOR" "$LOADERS/thaw.elf" "$LOADERS/thawx64.efi" "$COMMAND" \
		"$RECORDER" "$MANUAL/man8/thaw.8" \
		"$MANUAL/man5/thaw-default.5" "$COMPLETION"; do
		rm -f "$DESTDIR$file"
		echo "  REMOVE   $DESTDIR$file"
	done
	for directory in "$UNITS/${TRY%/*}" "$UNITS/${RESULT%/*}" "$LOADERS" "${RECORDER%/*}"; do
		rmdir "$DESTDIR$directory" 2>/dev/null || :
	done
	# Settings that were changed are kept for the next installation.
	if cmp -s "$here/default/thaw" "$DESTDIR$DEFAULTS"; then
		rm -f "$DESTDIR$DEFAULTS"
		echo "  REMOVE   $DESTDIR$DEFAULTS"
	elif [ -e "$DESTDIR$DEFAULTS" ]; then
		echo "  KEEP     $DESTDIR$DEFAULTS"
	fi
}

case "${1-}" in
install)
	for file in "${2:?the build directory}/thaw.elf" "$2/thawx64.efi" "$2/thaw" "$2/session-record"; do
		if [ ! -f "$file" ]; then
			echo "install.sh: $file is not there: build it first" >&2
			exit 1
		fi
	done
	install_all "$2"
	;;
uninstall) uninstall_all ;;
*)
	sed -n 's/^# \{0,1\}//; 3,5p' "$0" >&2
	exit 2
	;;
esac
[ -n "$DESTDIR" ] || echo "Now run update-grub."
