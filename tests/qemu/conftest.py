# SPDX-License-Identifier: GPL-2.0-or-later
"""Options, result directories and outcomes of the emulator scenarios.

A scenario that could not be carried out (HarnessError) is counted as an error, never as a failure or a pass.  What was
left out is named at the end.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from errors import HarnessError

TOP = Path(__file__).resolve().parents[2]
NOT_RUN = pytest.StashKey[list]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("thaw")
    group.addoption("--full", action="store_true", help="the whole matrix instead of every pair of its values")
    group.addoption("--shard", metavar="I/N", help="only the I-th of N parts, counted from 1")
    group.addoption("--results", type=Path, default=TOP / "build" / "qemu", help="where logs go (default: build/qemu)")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: only with --full")
    config.stash[NOT_RUN] = []


def _shard(text: str | None) -> tuple[int, int]:
    if text is None:
        return 1, 1
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise pytest.UsageError(f"--shard={text}: write I/N with 1 <= I <= N")
    return int(match[1]), int(match[2])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    part, parts = _shard(config.getoption("--shard"))
    keep, drop = [], []
    for item in items:
        if item.get_closest_marker("full") and not config.getoption("--full"):
            drop.append(item)
        else:
            keep.append(item)
    drop += [item for index, item in enumerate(keep) if index % parts != part - 1]
    items[:] = [item for index, item in enumerate(keep) if index % parts == part - 1]
    config.stash[NOT_RUN] = [item.nodeid for item in drop]
    if hasattr(config, "workeroutput"):
        config.workeroutput["not_run"] = config.stash[NOT_RUN]
    config.hook.pytest_deselected(items=drop)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error) -> None:
    """Parallel workers collect, each the same list; the controller reports it once."""
    node.config.stash[NOT_RUN] = getattr(node, "workeroutput", {}).get("not_run", node.config.stash[NOT_RUN])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    outcome = yield
    report = outcome.get_result()
    report.harness_error = bool(call.excinfo and call.excinfo.errisinstance(HarnessError))
    if report.when == "call":
        item.scenario_passed = report.passed


def pytest_report_teststatus(report: pytest.TestReport):
    if getattr(report, "harness_error", False) and report.when == "call":
        return "error", "E", "ERROR"
    return None


def pytest_terminal_summary(terminalreporter, exitstatus: int, config: pytest.Config) -> None:
    count = {name: len(terminalreporter.stats.get(name, [])) for name in ("passed", "failed", "error")}
    not_run = config.stash[NOT_RUN]
    terminalreporter.write_line(f"scenarios: {count['passed']} passed, {count['failed']} failed, "
                                f"{count['error']} errors, {len(not_run)} not run")
    if not_run:
        tests = Counter(name.rsplit("/", 1)[-1].split("[")[0] for name in not_run)
        terminalreporter.write_line("not run (--full and the other shards run them): " + ", ".join(
            f"{number} of {name}" for name, number in tests.items()))


@pytest.fixture
def result_dir(request: pytest.FixtureRequest) -> Path:
    """An empty directory for this scenario's logs and disks; its disks and dumps are removed after a pass."""
    name = re.sub(r"[^\w.,=+-]+", "_", request.node.nodeid.rsplit("/", 1)[-1])
    path = request.config.getoption("--results") / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    yield path
    if getattr(request.node, "scenario_passed", False):
        for heavy in [*path.rglob("*.qcow2"), *path.rglob("*.raw"), *path.rglob("*.bin")]:
            heavy.unlink()
