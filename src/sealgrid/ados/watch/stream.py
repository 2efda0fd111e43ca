"""What a watch reads: records of a stream, one a line or message, as readings and signatures.

A line is a row of the CSV table that the first line begins, or JSON: a reading, a list of readings, SenML, or a file of
``sealgrid ados sign``. A line that is none of these is refused alone.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass

from sealgrid.shipped_apps.ados.quality.csv_reader import read_csv
from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
from sealgrid.shipped_apps.ados.quality.json_reader import read_json
from sealgrid.shipped_apps.ados.quality.messages import ReadingMessage

MAX_LINE = 4 << 20  #: bytes of one line or message


@dataclass(frozen=True, slots=True)
class StationSignature:
    """A station's signature over its readings of one window, as it came: unverified."""

    sensor: str
    interval: int
    start: int
    end: int
    signature: str

    def document(self) -> dict[str, object]:
        """Return it as it stands in a file of signed readings."""
        return {
            "sensor": self.sensor,
            "interval": self.interval,
            "start": self.start,
            "end": self.end,
            "signature": self.signature,
        }


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One line or message of a stream."""

    position: int  #: at which it begins
    end: int  #: position after it
    readings: tuple[ReadingMessage, ...] = ()
    signatures: tuple[StationSignature, ...] = ()
    refused: str = ""  #: why it is not a record; empty for a record


def read_record(
    line: bytes, header: str, position: int, *, end: int | None = None, arrival: float = math.nan
) -> StreamRecord:
    """Return the record of a line, without its line end; ``header`` is the first line of a CSV table, else empty.

    ``arrival`` is the time of arrival of readings that have none; not of signed ones, whose signature covers it.
    """
    end = position + len(line) + 1 if end is None else end
    if len(line) > MAX_LINE:
        return StreamRecord(position, end, refused=f"it has more than {MAX_LINE >> 20} MiB.")
    try:
        text = line.decode()
        if text.lstrip()[:1] not in {"{", "["}:
            return StreamRecord(position, end, _with_arrival(read_csv(f"{header}\n{text}"), arrival))
        signatures = _signatures(text)
        readings = read_json(_as_list(text))
        return StreamRecord(position, end, _with_arrival(readings, math.nan if signatures else arrival), signatures)
    except UnicodeDecodeError:
        return StreamRecord(position, end, refused="it is not text in UTF-8.")
    except ReadingsRefused as refused:
        return StreamRecord(position, end, refused=str(refused))


def _with_arrival(readings: Iterable[ReadingMessage], arrival: float) -> tuple[ReadingMessage, ...]:
    return tuple(each._replace(received=arrival) if math.isnan(each.received) else each for each in readings)


def _as_list(text: str) -> str:
    """Return JSON of a list of readings where the text is one reading."""
    is_reading = text.lstrip().startswith("{") and '"readings"' not in text
    return f"[{text}]" if is_reading else text


def _signatures(text: str) -> tuple[StationSignature, ...]:
    """Return the signatures of a file of ``sealgrid ados sign``; raise ReadingsRefused for malformed ones."""
    if '"signatures"' not in text:
        return ()
    try:
        document = json.loads(text)
        return tuple(
            StationSignature(
                str(each["sensor"]), int(each["interval"]), int(each["start"]), int(each["end"]), str(each["signature"])
            )
            for each in document["signatures"]
        )
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise ReadingsRefused("its signatures are malformed.") from error
