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
    _prune()
    return final


def _prune() -> None:
    """Remove what nobody used for two weeks, and what an interrupted build left a day ago."""
    now = time.time()
    for path in cache_dir().iterdir():
        days = (now - path.stat().st_mtime) / 86400
        if path.is_dir() and days > (1 if ".tmp-" in path.name else 14):
            shutil.rmtree(path, ignore_errors=True)
