#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Holds the rooms of the house to their doors: which room's objects may use symbols that which other room defines.

Usage: layers.py DIRECTORY, the loader's object directory.  Exit status 0: every arrow is allowed; 1: each one that is
not is printed; 2: no objects.
"""

import subprocess
import sys
from pathlib import Path

# docs/design.md, "Who may call whom".
ALLOWED = {
    "boot": {"loader", "drivers", "mm", "lib"},
    "loader": {"handoff", "mm", "drivers", "disk", "image", "lib"},
    "drivers": {"mm", "lib"},
    "image": {"lib"},
    "disk": {"lib"},
    "mm": {"lib"},
    "handoff": set(),
    "lib": set(),
}

# The linker's symbols and the C libraries' functions belong to nobody.
LIBRARIES = "libraries"


def symbols(path: Path, wanted: str) -> set[str]:
    """Names of an object's symbols: wanted is nm's option for defined or undefined ones."""
    output = subprocess.run(["nm", "-g", wanted, "-P", str(path)], check=True, capture_output=True, text=True).stdout
    return {line.split()[0] for line in output.splitlines()}


def main() -> int:
    root = Path(sys.argv[1])
    objects = {path: path.relative_to(root).parts[0] for path in sorted(root.rglob("*.o"))}
    if not objects:
        print(f"layers: no objects in {root}", file=sys.stderr)
        return 2
    home = {name: room for path, room in objects.items() for name in symbols(path, "--defined-only")}
    wrong = 0
    for path, room in objects.items():
        for name in sorted(symbols(path, "--undefined-only")):
            other = home.get(name, LIBRARIES)
            if other not in (room, LIBRARIES) and other not in ALLOWED[room]:
                print(f"layers: {path.relative_to(root)} ({room}) uses {name} of {other}")
                wrong += 1
    print(f"layers: {len(objects)} objects, {wrong} arrows against the rules")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
