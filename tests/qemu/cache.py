# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache of things that are slow to make: root filesystems, disks, hibernated sessions.

An entry is a directory `CACHE/KIND-DIGEST`.  It is made in a temporary directory beside it and renamed when complete,
under a lock file, so that parallel workers make it once and an interrupted build leaves nothing that looks finished.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

LIMIT_GIB = 24
FREE_GIB = 12
SESSIONS = ("session-", "kjumped-")

# mkswap, sfdisk, debugfs and mke2fs live where only root's PATH leads.
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"


def cache_dir() -> Path:
    """The root of the cache; created when it is not there."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = Path(base) / "thaw"
    path.mkdir(parents=True, exist_ok=True)
    return path


def progress(text: str) -> None:
    """One line of progress on standard error, flushed at once."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def digest(recipe: object) -> str:
    """A short name for a recipe made of plain JSON values."""
    text = json.dumps(recipe, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


@contextmanager
def locked(name: str):
    """Hold the exclusive lock CACHE/NAME.lock; waits for another holder without a bound of its own."""
    with open(cache_dir() / f"{name}.lock", "w", encoding="ascii") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def build_once(kind: str, recipe: object, build: Callable[[Path], None]) -> Path:
    """The finished directory of (kind, recipe); calls build(temporary directory) when there is none.

    Whatever `build` raises is passed on and leaves no entry.  The entry's recipe is kept in recipe.json.
    """
    name = f"{kind}-{digest(recipe)}"
    final = cache_dir() / name
    if final.is_dir():
        os.utime(final)
        return final
    with locked(name):
        if final.is_dir():
            return final
        work = Path(tempfile.mkdtemp(prefix=f"{name}.tmp-", dir=cache_dir()))
        work.chmod(0o755)
        try:
            build(work)
            (work / "recipe.json").write_text(json.dumps(recipe, indent=1, default=str), encoding="utf-8")
            work.rename(final)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    try:
        _prune()
    except FileNotFoundError:
        pass  # another worker is at it, or has just made something
    return final


def _used_bytes(entry: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in entry.rglob("*"))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _prune() -> None:
    """Remove what nobody used for two weeks and what an interrupted build left; beyond LIMIT_GIB, or with less than
    FREE_GIB left on the disk, also the sessions that were not used for longest, but none of the last two hours."""
    hours = {path: (time.time() - path.stat().st_mtime) / 3600 for path in cache_dir().iterdir()}
    oldest_first = sorted(hours, key=hours.get, reverse=True)
    for path in oldest_first:
        # A disk is the base of sessions that were used a moment later.
        days = 1 if ".tmp-" in path.name else 14 if path.name.startswith(SESSIONS) else 15
        if hours[path] > days * 24:
            _remove(path)
    sizes = {path: _used_bytes(path) for path in oldest_first if path.is_dir()}
    used = sum(sizes.values())
    for path, size in sizes.items():
        has_room = used <= LIMIT_GIB << 30 and shutil.disk_usage(cache_dir()).free >= FREE_GIB << 30
        if has_room or hours[path] < 2:
            break
        if path.name.startswith(SESSIONS):
            _remove(path)
            used -= size
