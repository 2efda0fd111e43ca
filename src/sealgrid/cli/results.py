"""Follows runs on the terminal, opens their results and writes them to files."""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sealgrid.cli.output import stderr, stdout
from sealgrid.errors import AppFailed, DealRefused, InputRefused, TaskFailed

if TYPE_CHECKING:
    from sealgrid.sdk.network import Network
    from sealgrid.sdk.resources.runs import AsyncRun
    from sealgrid.units import TaskId
    from sealgrid.wire.pool import StageAt

RESULT, RECEIPT, NETWORK, LOG = "result", "receipt.json", "network.json", "app.log"
OVERVIEW, DOCUMENT = "overview.txt", "result.json"  #: files of a result that are shown, for people and for programs
MAX_SHOWN_CHARACTERS = 4000
MAX_LOG_LINES, MAX_LOG_LINE = 10, 300  #: lines of a log that are shown, and characters of each


@dataclass(frozen=True, slots=True)
class FollowTimeouts:
    """Seconds that a command waits."""

    result: float | None  #: for the end of a run; None: without limit
    notice: float  #: before it prints that no machine has taken the task


def check_empty(out: Path | None) -> None:
    """Raise InputRefused for a folder that is not empty. Called before money moves."""
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputRefused(f"{out} is not an empty folder; name another with --out.")


async def follow_all(
    runs: "Sequence[AsyncRun]", network: "Network", out: Path | None, timeouts: FollowTimeouts
) -> None:
    """Follow every task; with several, each writes to a folder of its own below ``out``.

    Raises the error of the first task that failed, after all tasks ended.
    """
    failed: list[TaskFailed | DealRefused] = []
    for number, run in enumerate(runs, start=1):
        if len(runs) > 1:
            stderr.print(f"task {number} of {len(runs)}: {run.task}")
        try:
            await follow(run, network, out if out is None or len(runs) == 1 else out / f"task-{number}", timeouts)
        except (TaskFailed, DealRefused) as error:
            failed.append(error)
            if len(runs) > 1:
                stderr.print(str(error), style="red", markup=False)
    if failed:
        raise failed[0]


async def follow(run: "AsyncRun", network: "Network", out: Path | None, timeouts: FollowTimeouts) -> None:
    """Print every stage, open the result, and write it with its receipt to ``out``, or print it."""
    try:
        with _stage_printer() as on_stage:
            opened = await run.result(
                on_stage,
                timeouts.result,
                patience=timeouts.notice,
                on_waiting=lambda notice: stderr.print(str(notice), style="yellow", markup=False),
                on_detail=on_stage,
            )
    except AppFailed as error:
        print_log_tail(error.log, run.task)
        if out is not None:
            _write_log(error.log, out)
        raise
    for vault in opened.lying_vaults:
        stderr.print(f"vault {vault} sent an invalid share; the shares of the other vaults are enough", style="yellow")
    print_log_tail(opened.log, run.task)
    if out is None:
        print_files(opened.files)
        return
    try:
        write_files(opened.files, out / RESULT)
        if run.tee:
            await run.receipt.save(out / RECEIPT)
        public = msgspec.structs.replace(network, folder="")  # a path of this machine is private
        (out / NETWORK).write_bytes(msgspec.json.format(msgspec.json.encode(public)) + b"\n")
    except OSError as error:
        # The folder was empty before. A partial result must not look complete.
        shutil.rmtree(out / RESULT, ignore_errors=True)
        for name in (RECEIPT, NETWORK):
            with contextlib.suppress(OSError):
                (out / name).unlink()
        again = f"open it again with: sealgrid task result {run.task} --out DIR"
        message = f"{out} cannot be written ({error.strerror}); {again}"
        raise InputRefused(message, money=await run.money()) from error
    except InputRefused as error:
        raise InputRefused(error.message, money=error.money or await run.money()) from error
    stdout.print(f"the result is in {out / RESULT}", markup=False)
    if not run.tee:
        return
    stdout.print(
        f"verify its receipt with: sealgrid receipt verify {out / RECEIPT} --network {out / NETWORK}", markup=False
    )


@contextlib.contextmanager
def _stage_printer() -> "Iterator[Callable[[StageAt], None]]":
    """Yield a callback that prints stages; on a terminal, a spinner shows that the command waits."""
    begun = time.monotonic()

    def on_stage(stage: "StageAt") -> None:
        stderr.print(
            f"  {time.monotonic() - begun:6.1f} s  {stage.stage} {stage.detail}".rstrip(), style="dim", markup=False
        )

    with stderr.status("waiting …", spinner="dots") if stderr.is_terminal else contextlib.nullcontext():
        yield on_stage


def print_log_tail(log: str, task: "TaskId") -> None:
    """Print the last lines of an app's log on standard error, and the command that prints all of it."""
    lines = log.rstrip().splitlines()
    if not lines:
        return
    stderr.print(f"the end of the app's log (print all of it with: sealgrid task log {task}):", markup=False)
    for line in lines[-MAX_LOG_LINES:]:
        stderr.print(f"  {line[:MAX_LOG_LINE]}", style="dim", markup=False)


def _write_log(log: str, out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / LOG).write_text(log)
        stderr.print(f"the app's log is in {out / LOG}", markup=False)
    except OSError as error:  # the app's failure is the error to report
        stderr.print(f"{out / LOG} cannot be written ({error.strerror})", markup=False)


def print_files(files: Mapping[str, bytes]) -> None:
    """Print a result's overview for people on a terminal, else its document for programs; name all its files."""
    text = files.get(DOCUMENT, b"").decode(errors="replace")
    if stdout.is_terminal:
        text = files.get(OVERVIEW, b"").decode(errors="replace") or text
        text = text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]} …"
    if text:
        stdout.print(text.rstrip(), markup=False)
    stderr.print(f"files of the result: {', '.join(sorted(files))} (write them with --out DIR)", markup=False)


def write_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write the files of a result into a new folder; raise InputRefused for a path outside of it."""
    root = folder.resolve()
    for name, content in files.items():
        target = root / name
        if not target.resolve().is_relative_to(root):
            raise InputRefused(f"the result has a file outside its folder ({name!r}); no such file was written.")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:  # neither through a link, nor twice on a file system that ignores case
            file.write(content)
