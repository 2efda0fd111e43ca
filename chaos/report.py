"""The report of a run as Markdown: seed, load, faults with their times, the verdict on each invariant. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from chaos.injector import InjectedFault
from chaos.judge import COMPLETED, Evidence, Verdict


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What was run."""

    seed: int
    tasks: int  #: that the load was to buy
    tee: int
    workers: int
    seconds: float  #: from the first purchase to the last task's end
    failed_purchases: int  #: attempts that were repeated
    messages: Mapping[str, int]  #: between workers and replicas: sent, delayed, doubled, dropped
    ended: tuple[str, ...] = ()  #: parts that ended by themselves
    cpu: Mapping[str, float] = {}  #: seconds of processor time, by kinds of processes
    shortage: str = ""  #: why fewer tasks were bought


def report(run: Run, injected: Sequence[InjectedFault], evidence: Evidence, verdicts: Sequence[Verdict]) -> str:
    """Return the page."""
    held = all(each.holds for each in verdicts)
    completed = sum(each.status == COMPLETED for each in evidence.tasks)
    tee = sum(each.is_tee for each in evidence.tasks)
    lines = [
        f"# Chaos, seed {run.seed}: {'every invariant holds' if held else 'INVARIANTS BROKEN'}",
        "",
        (
            f"{len(evidence.tasks)} tasks, {tee} of them in enclaves, over {run.workers} workers and two replicas in "
            f"{run.seconds:.0f} s: {completed} completed ({completed / max(1.0, run.seconds):.2f} a second). "
            f"{run.failed_purchases} attempts to buy were repeated."
        ),
        "Messages between workers and replicas: " + ", ".join(f"{n} {what}" for what, n in run.messages.items()) + ".",
        "Processor time: " + ", ".join(f"{what} {spent:.0f} s" for what, spent in run.cpu.items()) + ".",
        *([run.shortage] if run.shortage else []),
        *([f"Parts that ended by themselves and were started again: {', '.join(run.ended)}."] if run.ended else []),
        "",
        "| invariant | holds | numbers |",
        "|---|---|---|",
        *(f"| {each.invariant} | {'yes' if each.holds else '**NO**'} | {each.numbers} |" for each in verdicts),
        "",
    ]
    for each in verdicts:
        if not each.holds:
            lines += [f"## {each.invariant}: broken {len(each.violations)} times", ""]
            lines += [f"- {violation}" for violation in each.violations[:20]]
            lines.append("")
    kinds = Counter(each.fault.kind.value for each in injected)
    lines += [f"## {len(injected)} faults of {len(kinds)} kinds", "", "| at | until | fault | part | amount | note |"]
    lines.append("|---|---|---|---|---|---|")
    lines += [
        f"| {each.began:.1f} | {each.ended:.1f} | {each.fault.kind.value} | {each.fault.target} | "
        f"{each.fault.amount or ''} | {each.note.replace('|', '/')} |"
        for each in sorted(injected, key=lambda each: each.began)
    ]
    return "\n".join([*lines, ""])
