"""Reads a file of readings in bounded memory: its arrays lie in files of a folder, and CSV is read line by line."""

import itertools
import mmap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from sealgrid.shipped_apps.ados.quality.csv_reader import read_csv_lines
from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
from sealgrid.shipped_apps.ados.quality.file_reader import encoding_of, read_text
from sealgrid.shipped_apps.ados.quality.graph import SensorGraph
from sealgrid.shipped_apps.ados.quality.grid import GriddedReadings, SlotGrid
from sealgrid.shipped_apps.ados.quality.json_reader import read_json
from sealgrid.shipped_apps.ados.quality.messages import Messages, ReadingMessage, collect
from sealgrid.shipped_apps.ados.quality.readings import Frame, Readings

BATCH: Final = 200_000  #: messages in memory at a time
MAX_ROWS: Final = 4_000_000
MAX_CELLS: Final = 400_000_000  #: of a job; each takes 17 bytes in the folder, and its reading 32 until it is there
_COLUMNS: Final = ("numbers", "times", "values", "received")
_BEGIN: Final = 4096  #: bytes that tell the format


@dataclass(frozen=True)
class SpooledReadings(GriddedReadings):
    """Readings whose arrays are mapped files."""

    maps: tuple[mmap.mmap, ...]

    def release(self) -> None:
        """Give the memory of the arrays back; the files keep what they hold."""
        for each in self.maps:
            each.madvise(mmap.MADV_DONTNEED)


def spool(path: Path, graph: SensorGraph, folder: Path, batch: int = BATCH) -> SpooledReadings:
    """Return the readings of a file in the slots of a graph, equal to ``to_grid``; arrays are files in ``folder``.

    CSV may have any size; other formats are read in one piece. Raises ReadingsRefused for a file that the app would
    refuse, and for one with signatures: they hold for a whole file. Raises OSError.
    """
    grid = SlotGrid(graph.sensors, graph.interval)
    stored: list[tuple[tuple[str, ...], Path]] = []
    for messages in _batches(_messages(path), batch):
        grid.survey(messages)
        same = bool(stored) and stored[-1][0] == messages.sensors
        stored.append((stored[-1][0] if same else messages.sensors, folder / f"batch-{len(stored)}.npz"))
        np.savez(stored[-1][1], **{name: getattr(messages, name) for name in _COLUMNS})
    frame = grid.frame(MAX_ROWS, MAX_CELLS)
    spooled = mapped_readings(frame, folder)
    for sensors, file in stored:
        with np.load(file) as columns:
            grid.fill(spooled.readings, Messages(sensors, *(columns[name] for name in _COLUMNS)))
        file.unlink()
        spooled.release()
    return spooled


def _messages(path: Path) -> Iterator[ReadingMessage]:
    with path.open("rb") as file:
        begin = file.read(_BEGIN)
    encoding = encoding_of(begin)
    if begin.decode(encoding, errors="ignore").lstrip()[:1] not in {"[", "{"}:
        with path.open(encoding=encoding, newline="") as lines:
            yield from read_csv_lines(_text_only(lines))
        return
    text = read_text(path.read_bytes())
    if '"roster"' in text:
        raise ReadingsRefused("readings with a feed's roster are scored in one piece; leave the roster out.")
    yield from read_json(text)


def _text_only(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines; raise ReadingsRefused for a file that is not text."""
    try:
        for line in lines:
            if "\0" in line:
                raise ReadingsRefused("the file has NUL bytes, so it is not text; export CSV, SenML or JSON.")
            yield line
    except UnicodeDecodeError as error:
        raise ReadingsRefused("the file is not text in UTF-8; export CSV, SenML or JSON.") from error


def _batches(messages: Iterator[ReadingMessage], size: int) -> Iterator[Messages]:
    """Yield messages in parts; raise ReadingsRefused for none."""
    yield collect(itertools.islice(messages, size))
    while batch := list(itertools.islice(messages, size)):
        yield collect(batch)


def mapped_readings(frame: Frame, folder: Path) -> SpooledReadings:
    """Return readings of a frame, all absent, whose arrays are new files in ``folder``; raise OSError."""
    shape = (frame.rows, len(frame.sensors))
    maps: list[mmap.mmap] = []

    def array(name: str, kind: str) -> np.ndarray:
        with (folder / name).open("w+b") as file:
            file.truncate(shape[0] * shape[1] * np.dtype(kind).itemsize)
            maps.append(mmap.mmap(file.fileno(), 0))
        return np.frombuffer(maps[-1], dtype=kind).reshape(shape)

    readings = Readings(
        sensors=frame.sensors,
        interval=frame.interval,
        first_slot=frame.first_slot,
        values=array("values", "<i8"),
        present=array("present", "|b1"),
        delays=array("delays", "<i4"),
        copies=array("copies", "<i4"),
    )
    return SpooledReadings(readings, frame, tuple(maps))
