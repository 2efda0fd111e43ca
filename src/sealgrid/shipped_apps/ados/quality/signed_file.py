"""Reads and verifies the signatures in a JSON file of readings: {"readings": …, "signatures": […], "roster": {…}}.

    (signed.1) The roster is a list of registrations of one feed; without one, nothing is verified.
    (signed.2) Each signature is about a window of whole intervals of one sensor, and no reading has two.
    (signed.3) The key that the roster has for the sensor signed all readings of it in the window, and no others.

Readings that no signature covers do not count: a buyer could have invented them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .errors import ReadingsRefused
from .file_reader import read_text
from .messages import LAST_TIME, MAX_NAME, Messages
from .signatures import ADDRESS_BYTES, Registration, Roster, WindowStatement, digest_of_readings, signer, slots_of

MAX_REGISTRATIONS = 65_535  #: of a feed
_MAX_NUMBER = 2**64 - 1


@dataclass(frozen=True)
class WindowSignature:
    """A signature over one window, as it stands in a file."""

    sensor: str
    interval: int
    start: int
    end: int
    signature: bytes


@dataclass(frozen=True)
class VerifiedReadings:
    """The readings that their stations signed."""

    messages: Messages
    roster: Roster
    windows: tuple[WindowStatement, ...]
    unsigned: int  #: how many other readings the file has

    def check_windows(self, interval: int, window: int) -> None:
        """Raise ReadingsRefused unless all windows are those of a run with ``window`` slots of ``interval`` seconds."""
        seconds = window * interval
        for each in self.windows:
            if each.interval != interval or each.end - each.start != seconds or each.start % seconds:
                raise ReadingsRefused(
                    f"the signed window of {each.sensor} at {each.start} is not one of the run: it needs windows of "
                    f"{seconds} s of readings each {interval} s."
                )


def read_signed(content: bytes, messages: Messages) -> VerifiedReadings | None:
    """Return the verified readings of a file with a roster, None for one without; raise ReadingsRefused."""
    text = read_text(content).lstrip()
    document = json.loads(text) if text[:1] == "{" else None
    if not isinstance(document, dict) or "roster" not in document:  # (signed.1)
        return None
    roster = _read_roster(document["roster"])
    return _verify(messages, roster, tuple(read_signatures(document)))


def read_signatures(document: dict[str, Any]) -> Iterator[WindowSignature]:
    """Yield the signatures of a document; raise ReadingsRefused for an invalid one."""
    for number, entry in enumerate(_list(document.get("signatures"), "signatures"), start=1):
        where = f"signature {number}"
        try:
            found = WindowSignature(
                sensor=_name(entry["sensor"]),
                interval=_seconds(entry["interval"]),
                start=_seconds(entry["start"]),
                end=_seconds(entry["end"]),
                signature=bytes.fromhex(entry["signature"].removeprefix("0x")),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ReadingsRefused(f"{where} has no sensor, interval, start, end or signature.") from error
        if (
            found.interval == 0
            or found.start % found.interval
            or found.end % found.interval
            or found.end <= found.start
        ):
            raise ReadingsRefused(f"{where} is not about a window of whole intervals.")  # (signed.2)
        yield found


def _verify(messages: Messages, roster: Roster, signatures: tuple[WindowSignature, ...]) -> VerifiedReadings:
    stations, numbers = roster.stations(), {name: number for number, name in enumerate(messages.sensors)}
    slots = {interval: slots_of(messages, interval) for interval in {each.interval for each in signatures}}
    of_sensor = {name: np.flatnonzero(messages.numbers == number) for name, number in numbers.items()}
    signed = np.zeros(len(messages.times), dtype=np.bool_)
    windows: dict[tuple[str, int], WindowStatement] = {}
    for each in signatures:
        own = of_sensor.get(each.sensor, np.zeros(0, dtype=np.int64))
        slot = slots[each.interval][own]
        covered = own[(slot >= each.start // each.interval) & (slot < each.end // each.interval)]
        what = f"the window of {each.sensor} at {each.start}"
        if (each.sensor, each.start) in windows or signed[covered].any():  # (signed.2)
            raise ReadingsRefused(f"{what} is signed twice.")
        statement = WindowStatement(
            each.sensor, each.interval, each.start, each.end, digest_of_readings(messages, covered)
        )
        station = stations.get(each.sensor)
        if station is None or signer(statement.digest(), each.signature) != station:  # (signed.3)
            raise ReadingsRefused(f"{what} was not signed by its station: readings were changed, left out or invented.")
        signed[covered] = True
        windows[each.sensor, each.start] = statement
    if not signed.any():
        raise ReadingsRefused("the file has a roster and no signed reading.")
    kept = replace(
        messages,
        numbers=messages.numbers[signed],
        times=messages.times[signed],
        values=messages.values[signed],
        received=messages.received[signed],
    )
    return VerifiedReadings(kept, roster, tuple(windows.values()), int((~signed).sum()))


def _read_roster(document: object) -> Roster:
    try:
        entries = document["stations"]  # type: ignore[index]
        registrations = tuple(
            Registration(_name(each["sensor"]), _address(each["station"])) for each in _list(entries, "stations")
        )
        roster = Roster(_number(document["chain"]), _address(document["feed"]), registrations)  # type: ignore[index]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ReadingsRefused("the roster has no chain, feed or stations; take it from `ados feed show`.") from error
    if len(registrations) > MAX_REGISTRATIONS:
        raise ReadingsRefused(f"the roster has more than {MAX_REGISTRATIONS} registrations.")
    return roster


def _list(given: object, what: str) -> list[Any]:
    if not isinstance(given, list):
        raise ReadingsRefused(f"the file has no list of {what}.")
    return given


def _name(given: object) -> str:
    if not isinstance(given, str) or not 0 < len(given) <= MAX_NAME or not given.isprintable():
        raise ValueError("no sensor")
    return given


def _number(given: object) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= _MAX_NUMBER:
        raise ValueError("no number")
    return given


def _seconds(given: object) -> int:
    number = _number(given)
    if number > LAST_TIME:
        raise ValueError("no time")
    return number


def _address(given: str) -> bytes:
    raw = bytes.fromhex(given.removeprefix("0x"))
    if len(raw) != ADDRESS_BYTES:
        raise ValueError("no address")
    return raw
