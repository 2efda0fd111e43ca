"""Follow a run on the terminal and write down what came of it."""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sealgrid.cli.account_session import answers, notes
from sealgrid.errors import AppFailed, DealRefused, InputRefused, TaskFailed

if TYPE_CHECKING:
    from sealgrid.sdk.network import Network
    from sealgrid.sdk.operations.open_result import RunResult
    from sealgrid.sdk.operations.wait_notices import WaitNotice
    from sealgrid.sdk.resources.runs import AsyncRun
    from sealgrid.wire.pool import StageAt

RESULT, RECEIPT, NETWORK, LOG = "result", "receipt.json", "network.json", "app.log"
FOR_PEOPLE, FOR_PROGRAMS = "overview.txt", "result.json"  #: what an app may write for either to read
MOST_SHOWN = 4000  #: characters, to a person


@dataclass(frozen=True, slots=True)
class FollowTimeouts:
    """How long a command waits, in seconds."""

    timeout: float | None  #: for the end of a run; None: no limit
    notice: float  #: before it says that no machine has taken the task


def check_free(out: Path | None) -> None:
    """Refuse a folder that holds something, before any money moves."""
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputRefused(f"{out} is no empty folder; give another with --out.")


async def follow_all(bag: "Sequence[AsyncRun]", network: "Network", out: Path | None, waits: FollowTimeouts) -> None:
    """Follow each task of a bag; those of several write into folders of their own below ``out``.

    Raises what the first task raised that failed, once all the others have ended.
    """
    failed: list[TaskFailed | DealRefused] = []
    for number, run in enumerate(bag, start=1):
        if len(bag) > 1:
            notes.print(f"task {number} of {len(bag)}: {run.task}")
        try:
            await follow(run, network, out if out is None or len(bag) == 1 else out / f"task-{number}", waits)
        except (TaskFailed, DealRefused) as error:
            failed.append(error)
            if len(bag) > 1:
                notes.print(str(error), style="red", markup=False)
    if failed:
        raise failed[0]


async def follow(run: "AsyncRun", network: "Network", out: Path | None, waits: FollowTimeouts) -> None:
    """Tell every stage, open the result, write it with its receipt into ``out``, or show it."""
    try:
        with _waiting() as told:
            opened = await run.result(told, waits.timeout, patience=waits.notice, on_waiting=_say_waiting)
    except AppFailed:
        if out is not None:
            _keep_log(await run.log(), out)
        raise
    for vault in opened.liars:
        notes.print(f"vault {vault} gave a share that does not hold; the others were enough", style="yellow")
    if out is None:
        _show(opened)
        return
    try:
        _write(opened, out / RESULT)
        await run.receipt.save(out / RECEIPT)
        (out / NETWORK).write_bytes(msgspec.json.format(msgspec.json.encode(_public(network))) + b"\n")
    except OSError as error:
        _remove_from(out)
        again = f"open it again with: sealgrid task result {run.task} --out DIR"
        said = f"{out} cannot be written ({error.strerror}); {again}"
        raise InputRefused(said, money=await run.money()) from error
    except InputRefused as error:
        raise InputRefused(error.message, money=error.money or await run.money()) from error
    answers.print(f"the result is in {out / RESULT}", markup=False)
    answers.print(f"its receipt: sealgrid receipt verify {out / RECEIPT} --network {out / NETWORK}", markup=False)


def _say_waiting(waiting: "WaitNotice") -> None:
    notes.print(str(waiting), style="yellow", markup=False)


@contextlib.contextmanager
def _waiting() -> "Iterator[Callable[[StageAt], None]]":
    """Tell stages as they come; on a terminal, something moves between them."""
    begun = time.monotonic()

    def told(stage: "StageAt") -> None:
        notes.print(
            f"  {time.monotonic() - begun:6.1f} s  {stage.stage} {stage.detail}".rstrip(), style="dim", markup=False
        )

    with notes.status("waiting …", spinner="dots") if notes.is_terminal else contextlib.nullcontext():
        yield told


def _keep_log(log: str, out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / LOG).write_text(log)
        notes.print(f"all that the app said is in {out / LOG}", markup=False)
    except OSError as error:  # that the app failed is what must be told
        notes.print(f"{out / LOG} cannot be written ({error.strerror})", markup=False)


def _remove_from(out: Path) -> None:
    # The folder was empty before: half a result must not look like a whole one.
    shutil.rmtree(out / RESULT, ignore_errors=True)
    for name in (RECEIPT, NETWORK):
        with contextlib.suppress(OSError):
            (out / name).unlink()


def _show(opened: "RunResult") -> None:
    text = _text_for_people(opened) if answers.is_terminal else _text(opened, FOR_PROGRAMS)
    if text:
        answers.print(text.rstrip(), markup=False)
    notes.print(f"the result holds: {', '.join(sorted(opened.files))} (write them with --out DIR)", markup=False)


def _text_for_people(opened: "RunResult") -> str:
    text = _text(opened, FOR_PEOPLE) or _text(opened, FOR_PROGRAMS)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]} …"


def _text(opened: "RunResult", name: str) -> str:
    return opened.files.get(name, b"").decode(errors="replace")


def _write(opened: "RunResult", folder: Path) -> None:
    root = folder.resolve()
    for name, content in opened.files.items():
        target = root / name
        if not target.resolve().is_relative_to(root):
            raise InputRefused(f"the result holds a file outside its folder ({name!r}).")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:  # neither through a link, nor twice where letter case does not count
            file.write(content)


def _public(network: "Network") -> "Network":
    return msgspec.structs.replace(network, folder="")  # where it lies on this machine is nobody's business
