"""The file of a window's run: all its readings, and with a feed's roster only those that their stations signed."""

import json
import math
from collections import defaultdict
from dataclasses import dataclass

from sealgrid.ados.watch.schedule import ScheduleTerms, SubmitWindow
from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
from sealgrid.shipped_apps.ados.quality.file_reader import read_file
from sealgrid.shipped_apps.ados.quality.messages import ReadingMessage
from sealgrid.shipped_apps.ados.quality.signed_file import read_signed


@dataclass(frozen=True, slots=True)
class RunFile:
    """What a window's run gets."""

    content: bytes
    stations: tuple[
        str, ...
    ]  #: the sensors whose window is signed, in the order of their names; empty without a roster
    dropped: int = 0  #: signatures that do not fit their readings and the roster


def run_file(submitted: SubmitWindow, terms: ScheduleTerms, roster: object = None) -> RunFile:
    """Return the file of a window; ``roster`` is a feed's, as ``sealgrid ados feed show --roster`` writes it.

    A signature that does not fit is left out with its readings: the app would refuse the whole file, after the payment.
    """
    if roster is None:
        return RunFile(_json({"readings": _documents(submitted.readings)}), ())
    readings: dict[tuple[int, str], list[ReadingMessage]] = defaultdict(list)
    for reading in submitted.readings:
        readings[terms.window_of(reading.time), reading.sensor].append(reading)
    joined: list[dict[str, object]] = []
    signatures: list[dict[str, object]] = []
    stations: set[str] = set()
    dropped = 0
    for signature in submitted.signatures:
        key = (signature.start // terms.length, signature.sensor)
        part = {"readings": _documents(readings[key]), "signatures": [signature.document()]}
        if not part["readings"] or not _is_signed(_json({"roster": roster, **part})):
            dropped += 1
            continue
        joined += part["readings"]
        signatures += part["signatures"]
        if key[0] == submitted.window:
            stations.add(signature.sensor)
    document = {"roster": roster, "readings": joined, "signatures": signatures}
    return RunFile(_json(document), tuple(sorted(stations)), dropped)


def _is_signed(content: bytes) -> bool:
    try:
        return read_signed(content, read_file(content)) is not None
    except ReadingsRefused:
        return False


def _documents(readings: "list[ReadingMessage] | tuple[ReadingMessage, ...]") -> list[dict[str, object]]:
    return [
        {"time": each.time, "sensor": each.sensor, "value": _finite(each.value), "received": _finite(each.received)}
        for each in readings
    ]


def _finite(number: float) -> float | None:
    if math.isnan(number):
        return None
    return number if math.isfinite(number) else math.copysign(1.7976931348623157e308, number)


def _json(document: dict[str, object]) -> bytes:
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
