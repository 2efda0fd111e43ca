"""Attribution of an end by what the platform denies the host: (end.1) to (end.4)."""

from dataclasses import replace

import pytest

from sealgrid.attestation.policy import Platform
from sealgrid.enclave.sandbox.exit_cause import (
    NO_PROTECTION,
    AppEnded,
    AppExited,
    HostInducible,
    PlatformProtection,
    SandboxExit,
    judge,
    protection_of,
)

WHOLE = PlatformProtection(signals=True, memory=True, clock=True)
GOOD = {"had_memory": True, "at_speed": True}
SIGNAL = SandboxExit("signal", "the app was ended by a signal.", code=137, log=b"said", **GOOD)
USE = SandboxExit("use", "the app wrote more than its limit.", log=b"said", **GOOD)
TIME = SandboxExit("time", "the app did not end within its time limit.", log=b"said", **GOOD)
START = SandboxExit("start", "the sandbox did not start.", **GOOD)


@pytest.mark.parametrize("protection", [WHOLE, NO_PROTECTION])
@pytest.mark.parametrize("code", [0, 3, 127, 137, 255])
def test_end_1_an_exit_of_its_own_is_the_apps_everywhere(protection: PlatformProtection, code: int) -> None:
    assert judge(SandboxExit("exit", "", code=code, log=b"said"), protection) == AppExited(code, b"said")


@pytest.mark.parametrize("end", [SIGNAL, USE, TIME])
def test_an_end_that_the_host_cannot_cause_is_the_apps(end: SandboxExit) -> None:
    assert judge(end, WHOLE) == AppEnded(end.reason, end.code, b"said")


@pytest.mark.parametrize(
    ("end", "lacks"),
    [(SIGNAL, "signals"), (SIGNAL, "memory"), (USE, "memory"), (TIME, "clock")],
    ids=["end.2 signals", "end.2 memory", "end.3 memory", "end.4 clock"],
)
def test_a_platform_with_less_protection_proves_less(end: SandboxExit, lacks: str) -> None:
    assert judge(end, replace(WHOLE, **{lacks: False})) == HostInducible(end.reason)


@pytest.mark.parametrize(
    ("end", "change"),
    [
        (SIGNAL, {"had_memory": False}),
        (SIGNAL, {"kernel_killed": True}),
        (USE, {"had_memory": False}),
        (TIME, {"at_speed": False}),
    ],
    ids=["end.2 memory", "end.2 the kernel killed", "end.3 memory", "end.4 speed"],
)
def test_each_missing_condition_attributes_the_end_to_the_host(end: SandboxExit, change: dict[str, bool]) -> None:
    assert judge(replace(end, **change), WHOLE) == HostInducible(end.reason)


def test_a_sandbox_that_did_not_start_is_the_hosts_everywhere() -> None:
    assert judge(START, WHOLE) == HostInducible(START.reason)


def test_nothing_but_an_exit_is_the_apps_on_sgx_and_signals_are_not_on_snp() -> None:
    for end in (SIGNAL, USE, TIME):
        assert isinstance(judge(end, protection_of(Platform.SGX)), HostInducible)
    assert isinstance(judge(SIGNAL, protection_of(Platform.SNP)), HostInducible)
    assert isinstance(judge(TIME, protection_of(Platform.SNP)), HostInducible)
    assert isinstance(judge(USE, protection_of(Platform.SNP)), AppEnded)


def test_every_platform_has_a_protection_and_the_simulated_one_imitates_tdx() -> None:
    assert {platform: protection_of(platform) for platform in Platform}
    assert protection_of(Platform.SIMULATED) == protection_of(Platform.TDX) == WHOLE
