# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux itself resumes the images of the harness: what fails here is the harness, not the loader."""

from __future__ import annotations

import pytest

import efi_guest
import proof
import session
from matrix import EFI, EFI_STUB, STORAGE, STORAGE_REST
from session import Config

BASELINE = (
    Config(kernel="6.1", compression="lzo", machine="q35", mode="platform"),
    Config(kernel="6.12", compression="plain", machine="pc", mode="shutdown"),
    STORAGE["nvme"],
    STORAGE["lvm-disks"],
    EFI,
)
REST = [config for config in (EFI_STUB, *STORAGE.values(), *STORAGE_REST.values()) if config not in BASELINE]


@pytest.mark.parametrize("config", [*BASELINE, *(pytest.param(config, marks=pytest.mark.full) for config in REST)],
                         ids=Config.name)
def test_linux_resumes_its_image(config: Config, result_dir):
    image = session.hibernated(config)
    with session.resume(image, result_dir, entry="linux") as on:
        on.machine.wait_for(session.EXIT_LINE, 120, unless="thaw-guest: ready")
        on.agent.wait_ready()
        proof.check(on.agent, image.proof)
        if on.machine.hardware.is_efi():
            efi_guest.check_services(on.agent)
        if config.mode == "platform":
            # A shutdown image leaves the button to whoever resumes it, and Debian's initramfs does not care.
            proof.check_power_button(on.machine, on.agent)
