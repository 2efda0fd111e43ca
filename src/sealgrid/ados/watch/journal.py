"""The journal of a watch: durable files, written before each purchase. After a crash nothing is bought twice.

``watch.json`` has what the watch is about and its idempotency key, ``checkpoint.json`` where its stream continues, and
``windows/<number>.json`` one window, with the file of its run beside until it ends. All are private (mode 0600). Of
the windows that have ended it keeps the newest ones, with their answers.
"""

import secrets
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec

from sealgrid.ados.watch.run_file import RunFile
from sealgrid.ados.watch.schedule import ScheduleCheckpoint
from sealgrid.errors import DECODE_ERRORS, InputRefused
from sealgrid.sdk.stores.private_files import write_private

S = TypeVar("S", bound=msgspec.Struct)
KEPT_WINDOWS: Final = 10_000  #: of hours, those of more than a year
WindowState = Literal["due", "answered", "failed", "refused", "unsigned"]


class WatchIdentity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must stay equal from one start of a watch to the next."""

    schema: Literal["sealgrid/ados-watch/1"] = "sealgrid/ados-watch/1"
    source: str
    app: str
    model: str
    feed: str = ""
    interval: int
    rows: int
    before: int
    after: int


class WindowRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file of one window."""

    window: int
    start: int  #: Unix seconds
    end: int
    state: WindowState = "due"
    stations: tuple[str, ...] = ()  #: those whose rounds a feed gets, one task each
    bag: str = ""  #: id of the purchase, for ``sealgrid bag results``
    reason: str = ""  #: why it was refused or failed
    dropped_signatures: int = 0


class WatchAssets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The addresses of app and model, as their names were when the watch began: a name may stand for another later."""

    app: str
    model: str


class _WatchFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    identity: WatchIdentity
    key: str
    assets: WatchAssets | None = None


class WatchJournal:
    """The folder of one watch."""

    def __init__(self, folder: Path, identity: WatchIdentity, keep: int = KEPT_WINDOWS) -> None:
        """Open a journal, or begin one; raise InputRefused for the journal of another watch, or a damaged one.

        ``keep`` is the number of windows, at least 1, of which it keeps record and answers.
        """
        self.folder, self._windows, self._keep = folder, folder / "windows", keep
        path = folder / "watch.json"
        if not path.exists():
            _write(path, _WatchFile(identity=identity, key=secrets.token_hex(16)))
        stored = _read(path, _WatchFile)
        if stored.identity != identity:
            raise InputRefused(
                f"{folder} is the journal of a watch with other settings; repeat it with those, or name another folder."
            )
        self._stored = stored
        self._kept = deque(sorted(int(each.stem) for each in self._windows.glob("*.json")))

    @property
    def assets(self) -> WatchAssets | None:
        """Return the addresses of app and model; None before ``pin``."""
        return self._stored.assets

    def pin(self, assets: WatchAssets) -> None:
        """Store the addresses that all purchases name."""
        self._stored = msgspec.structs.replace(self._stored, assets=assets)
        _write(self.folder / "watch.json", self._stored)

    def purchase_key(self, window: int) -> str:
        """Return the idempotency key of a window's purchase."""
        return f"ados-watch:{self._stored.key}:{window}"

    def checkpoint(self) -> ScheduleCheckpoint | None:
        """Return where the stream continues; None before the first window."""
        path = self.folder / "checkpoint.json"
        stored = _read(path, ScheduleCheckpoint) if path.exists() else None
        newest = self._kept[-1] if self._kept else None
        if stored is None or newest is None or newest < stored.next_window:
            return stored
        return msgspec.structs.replace(stored, next_window=newest + 1)  # a crash between the two files of ``store``

    def begin(self, checkpoint: ScheduleCheckpoint) -> None:
        """Store where the stream begins."""
        _write(self.folder / "checkpoint.json", checkpoint)

    def store(self, record: WindowRecord, file: RunFile, checkpoint: ScheduleCheckpoint) -> None:
        """Store a window that is due. Its file comes first: without its record it is nothing."""
        _write_bytes(self._file(record.window), file.content)
        _write(self._record(record.window), record)
        self._kept.append(record.window)
        self.begin(checkpoint)

    def content(self, window: int) -> bytes:
        """Return the file of a window that has not ended."""
        try:
            return self._file(window).read_bytes()
        except OSError as error:
            raise InputRefused(f"{self._file(window)} cannot be read ({error.strerror}).") from error

    def update(self, record: WindowRecord) -> None:
        """Store a window's new state; of one that ended the readings are removed, and the oldest windows."""
        _write(self._record(record.window), record)
        if record.state != "due":
            self._file(record.window).unlink(missing_ok=True)
            self._remove_oldest()

    def store_result(self, window: int, station: str, content: bytes) -> None:
        """Store the answer of one task of a window: ``results/<window>[-<station>].json``."""
        _write_bytes(self._result(window, station), content)

    def windows(self) -> Iterator[WindowRecord]:
        """Yield all windows, oldest first."""
        for window in tuple(self._kept):
            yield _read(self._record(window), WindowRecord)

    def _remove_oldest(self) -> None:
        """Remove the oldest windows above ``keep`` with their answers, up to the first one without an end."""
        while len(self._kept) > self._keep:
            oldest = _read(self._record(self._kept[0]), WindowRecord)
            if oldest.state == "due":
                return
            for station in oldest.stations or ("",):
                self._result(oldest.window, station).unlink(missing_ok=True)
            self._record(oldest.window).unlink(missing_ok=True)
            self._kept.popleft()

    def _result(self, window: int, station: str) -> Path:
        name = f"{window}-{station}" if station else f"{window}"
        safe = "".join(each if each.isalnum() or each in "-_." else "_" for each in name)
        return self.folder / "results" / f"{safe}.json"

    def _record(self, window: int) -> Path:
        return self._windows / f"{window}.json"

    def _file(self, window: int) -> Path:
        return self._windows / f"{window}.readings"


def _read(path: Path, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, *DECODE_ERRORS) as error:
        raise InputRefused(f"{path} is not a valid file of a watch; restore it from your backup.") from error


def _write(path: Path, document: msgspec.Struct) -> None:
    _write_bytes(path, msgspec.json.encode(document))


def _write_bytes(path: Path, content: bytes) -> None:
    try:
        write_private(path, content)
    except OSError as error:
        raise InputRefused(f"the journal {path} cannot be written ({error.strerror}).") from error
