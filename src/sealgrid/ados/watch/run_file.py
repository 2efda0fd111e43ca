"""The file of a window's run: all its readings, and with a feed's roster only those that their stations signed."""

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sealgrid.ados.watch.schedule import ScheduleTerms, SubmitWindow
from sealgrid.ados.watch.stream import StationSignature
from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
from sealgrid.shipped_apps.ados.quality.file_reader import read_file
from sealgrid.shipped_apps.ados.quality.messages import ReadingMessage
from sealgrid.shipped_apps.ados.quality.signed_file import read_signed

FeedRosterDocument = dict[str, Any]  #: as ``sealgrid ados feed show --roster`` writes it


@dataclass(frozen=True, slots=True)
class RunFile:
    """What a window's run gets."""

    content: bytes
    stations: tuple[
        str, ...
    ]  #: the sensors whose window is signed, in the order of their names; empty without a roster
    dropped: int = 0  #: signatures that do not fit their readings and the roster


def run_file(submitted: SubmitWindow, terms: ScheduleTerms, roster: FeedRosterDocument | None = None) -> RunFile:
    """Return the file of a window, for a feed with its present roster.

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
        if not is_signed(signature, readings[key], roster):
            dropped += 1
            continue
        joined += _documents(readings[key])
        signatures.append(signature.document())
        if key[0] == submitted.window:
            stations.add(signature.sensor)
    document: dict[str, object] = {"roster": roster, "readings": joined, "signatures": signatures}
    return RunFile(_json(document), tuple(sorted(stations)), dropped)


def is_signed(
    signature: StationSignature, readings: Sequence[ReadingMessage], roster: FeedRosterDocument | None
) -> bool:
    """Return whether the sensor's station of a roster signed exactly these readings, by the app's own verification."""
    if roster is None or not readings:
        return False
    own = roster | {"stations": [each for each in roster["stations"] if each["sensor"] == signature.sensor]}
    content = _json({"roster": own, "readings": _documents(readings), "signatures": [signature.document()]})
    try:
        return read_signed(content, read_file(content)) is not None
    except ReadingsRefused:
        return False


def _documents(readings: Sequence[ReadingMessage]) -> list[dict[str, object]]:
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
