"""The report names the seed, each fault with its times, each invariant, and what breaks it."""

import msgspec

from chaos.injector import InjectedFault
from chaos.judge import judge
from chaos.report import Run, report
from chaos.run import left_files
from chaos.schedule import Fault, FaultKind
from tests.unit.chaos.test_judge import GOOD

RUN = Run(
    seed=7,
    tasks=2,
    tee=1,
    workers=3,
    seconds=10.0,
    failed_purchases=1,
    messages={"sent": 5, "dropped": 1},
    shortage="2 tasks were planned.",
)
FAULT = InjectedFault(Fault(1.0, FaultKind.DROP_MESSAGES, "link-pool", 4.0, 0.25), 1.04, 5.06, "no such process")


def test_the_page_says_what_happened_and_that_it_holds() -> None:
    page = report(RUN, [FAULT], GOOD, judge(GOOD))
    assert page.startswith("# Chaos, seed 7: every invariant holds\n")
    assert (
        "2 tasks, 1 of them in enclaves, over 3 workers and two replicas in 10 s: 1 completed (0.10 a second)" in page
    )
    assert "| 1.0 | 5.1 | drop messages | link-pool | 0.25 | no such process |" in page
    assert "| no task is paid twice | yes |" in page


def test_the_page_names_what_breaks_an_invariant() -> None:
    broken = msgspec.structs.replace(GOOD, processes=("7: bwrap",))
    page = report(RUN, [], broken, judge(broken))
    assert page.startswith("# Chaos, seed 7: INVARIANTS BROKEN\n")
    assert "| no process is left | **NO** | 1 processes |" in page
    assert "- 7: bwrap" in page


def test_files_that_are_temporary_or_partial_are_left(tmp_path) -> None:
    for name in ("tmp/sealgrid-1", "net/storage/incoming/ab", "net/.file.0a.part", "worker-1/committed/0x1.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "net/storage/files").mkdir()
    assert left_files(tmp_path) == (
        "net/.file.0a.part",
        "net/storage/incoming/ab",
        "tmp/sealgrid-1",
        "worker-1/committed/0x1.json",
    )
