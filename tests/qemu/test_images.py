# SPDX-License-Identifier: GPL-2.0-or-later
"""`thaw inspect` and `thaw verify` of every image that the matrix resumes; of the damaged ones: test_hostile.py."""

from __future__ import annotations

import pytest

import host_command
import image_edit
import matrix
import session
from session import Config


@pytest.mark.parametrize("config", [*matrix.CHECK, *matrix.EFI_CHECK,
                                    *(pytest.param(c, marks=pytest.mark.full) for c in (*matrix.REST, *matrix.EFI_REST))],
                         ids=Config.name)
def test_command_reads_the_image(config: Config, result_dir):
    with image_edit.layout(session.hibernated(config), result_dir) as oracle:
        host_command.expect_good(oracle)
