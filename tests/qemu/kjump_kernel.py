#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The test kernel with kexec jump: Debian's linux-source-6.12, configured by tests/kernels, built once for the cache.

Debian's own kernels have CONFIG_KEXEC_JUMP off.  The kernel has no modules: it finds its root without an initrd.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import cache
import guest
from errors import HarnessError

PACKAGE = "linux-source-6.12"
CONFIG = Path(__file__).resolve().parents[1] / "kernels" / "linux-6.12-kjump.defconfig"


def _run(command: list[str], where: Path, log) -> None:
    done = subprocess.run(command, cwd=where, stdout=log, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        log.flush()
        raise HarnessError(f"{' '.join(command)} ended with status {done.returncode}", Path(log.name))


def _build(out: Path) -> None:
    cache.progress("kernel with kexec jump: building (about ten minutes on two cores, once)")
    with (tempfile.TemporaryDirectory(dir=out) as work, open(cache.cache_dir() / "kjump-build.log", "w",
                                                             encoding="utf-8") as log):
        work = Path(work)
        # apt downloads as another user, who may not look into the cache.
        with tempfile.TemporaryDirectory() as download:
            os.chmod(download, 0o777)
            _run(["apt-get", "-q", "download", PACKAGE], Path(download), log)
            package = next(Path(download).glob("*.deb"))
            _run(["dpkg-deb", "-x", str(package), str(work)], work, log)
        _run(["tar", "-xf", f"usr/src/{PACKAGE}.tar.xz"], work, log)
        tree = work / PACKAGE
        (tree / ".config").write_bytes(CONFIG.read_bytes())
        _run(["make", "olddefconfig"], tree, log)
        _run(["make", f"-j{os.cpu_count() or 1}", "bzImage"], tree, log)
        if "CONFIG_KEXEC_JUMP=y" not in (tree / ".config").read_text(encoding="utf-8"):
            raise HarnessError("the kernel was configured without kexec jump")
        (out / "bzImage").write_bytes((tree / "arch/x86/boot/bzImage").read_bytes())
        (out / "config").write_bytes((tree / ".config").read_bytes())


def get() -> Path:
    """The bzImage, built when the cache has none."""
    recipe = {"config": CONFIG.read_text(encoding="utf-8"), "source": guest.package_versions((PACKAGE,)),
              "compiler": guest.package_versions(("gcc-12",))}
    return cache.build_once("kjump", recipe, _build) / "bzImage"


if __name__ == "__main__":
    print(get())
