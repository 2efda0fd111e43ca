"""A file to which another program appends lines, read as it grows."""

from codecs import BOM_UTF8
from pathlib import Path
from typing import Final

from sealgrid.ados.watch.stream import MAX_LINE, StreamRecord, read_record
from sealgrid.errors import InputRefused

_BLOCK: Final = 1 << 20
BATCH: Final = 2000  #: most lines of one read


class GrowingFile:
    """The lines of a file, from a position on; a line counts once it has its end."""

    def __init__(self, path: Path, position: int = 0) -> None:
        self._path = path
        self._header, begin = self._read_header()
        self._position = max(position, begin)

    @property
    def size(self) -> int:
        """Return the present size in bytes; raise InputRefused for a file that is shorter than what was read of it."""
        try:
            size = self._path.stat().st_size
        except OSError as error:
            raise InputRefused(f"{self._path} cannot be read ({error.strerror}).") from error
        if size < self._position:
            raise InputRefused(
                f"{self._path} is shorter than what was read of it: it was replaced. Follow a file that only grows, or "
                "begin a new journal."
            )
        return size

    def read(self) -> tuple[StreamRecord, ...]:
        """Return the next records; none if there is no further line. Raises InputRefused as ``size``."""
        while True:
            begin = self._position
            if (records := self._read_block()) or self._position == begin:
                return records

    def _read_block(self) -> tuple[StreamRecord, ...]:
        """Return the records of the next lines; none for blank lines, after which others may stand."""
        if self.size == self._position:
            return ()
        with self._path.open("rb") as file:
            file.seek(self._position)
            block = file.read(_BLOCK)
            if b"\n" not in block and len(block) == _BLOCK:
                block += file.read(MAX_LINE - _BLOCK + 1)
        if b"\n" not in block and len(block) > MAX_LINE:
            record = StreamRecord(self._position, self._position + len(block), refused="a line is too long.")
            self._position = record.end
            return (record,)
        records = []
        for line in block[: block.rfind(b"\n") + 1].split(b"\n")[:-1][:BATCH]:
            if line.strip():
                records.append(read_record(line, self._header, self._position))
            self._position += len(line) + 1
        return tuple(records)

    def _read_header(self) -> tuple[str, int]:
        """Return the first line of a CSV table, empty for JSON lines, and the position at which the readings begin.

        A byte order mark and blank lines may stand before it: spreadsheets write these.
        """
        try:
            with self._path.open("rb") as file:
                begin = len(BOM_UTF8) if file.read(len(BOM_UTF8)) == BOM_UTF8 else 0
                file.seek(begin)
                first = file.readline(MAX_LINE)
                while first.endswith(b"\n") and not first.strip():
                    begin += len(first)
                    first = file.readline(MAX_LINE)
        except OSError as error:
            raise InputRefused(f"{self._path} cannot be read ({error.strerror}).") from error
        if first.lstrip()[:1] in {b"{", b"["}:
            return "", begin
        if not first.endswith(b"\n"):
            raise InputRefused(f"{self._path} has no first line with the names of its columns yet.")
        try:
            return first[:-1].decode(), begin + len(first)
        except UnicodeDecodeError as error:
            raise InputRefused(f"{self._path} is not text in UTF-8.") from error
