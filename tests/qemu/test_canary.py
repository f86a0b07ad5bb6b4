# SPDX-License-Identifier: GPL-2.0-or-later
"""The harness can fail: a false claim gives exactly one failure, which is no error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from errors import HarnessError

HERE = Path(__file__).resolve().parent


def test_false_claim_is_a_failure(result_dir):
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", f"--results={result_dir}",
         str(HERE / "canary_scenario.py")],
        capture_output=True, text=True, timeout=300, check=False)
    if "scenarios: 0 passed, 0 failed, 1 errors" in run.stdout:
        raise HarnessError(f"the canary could not be run:\n{run.stdout[-3000:]}")
    assert run.returncode == 1 and "scenarios: 0 passed, 1 failed, 0 errors, 0 not run" in run.stdout, run.stdout
    assert "instead of 'PM: hibernation: hibernation exit'" in run.stdout
