"""Reads SenML in JSON (RFC 8428): base fields, names and times of a pack, resolved in its order."""

from collections.abc import Iterator, Sequence
from typing import Any

from .errors import ReadingsRefused
from .messages import ReadingMessage, read_sensor, read_time

VERSION = 10  #: the highest that RFC 8428 defines
ABSOLUTE = 1 << 28  #: smaller times are relative to now, which an enclave does not know
_FIELDS = frozenset({"bn", "bt", "bver", "n", "v", "vb"})


def is_senml(records: Sequence[object]) -> bool:
    """Return whether records look like SenML: each an object, the first with fields of SenML and no word for time."""
    first = records[0] if records else None
    return isinstance(first, dict) and bool(_FIELDS & set(first)) and "time" not in first


def read_senml(records: Sequence[object]) -> Iterator[ReadingMessage]:
    """Yield the readings of a pack; raise ReadingsRefused with the number of an invalid record."""
    base_name, base_time, base_value = "", 0.0, 0.0
    for number, record in enumerate(records, start=1):
        where = f"record {number}"
        if not isinstance(record, dict):
            raise ReadingsRefused(f"{where} is not an object of SenML.")
        _check_fields(record, where)
        base_name = _text(record.get("bn", base_name), "bn", where)
        base_time = _number(record.get("bt", base_time), "bt", where)
        base_value = _number(record.get("bv", base_value), "bv", where)
        if "v" not in record and "vb" not in record:
            if set(record) & {"vs", "vd"}:
                raise ReadingsRefused(f"{where} has a text or data; readings are numbers.")
            if "s" in record or set(record) <= {"bn", "bt", "bu", "bv", "bs", "bver"}:
                continue  # a sum alone, or base fields alone
        time = base_time + _number(record.get("t", 0), "t", where)
        if time < ABSOLUTE:
            raise ReadingsRefused(f"{where}: its time is relative to now; give absolute times (bt).")
        sensor = read_sensor(base_name + _text(record.get("n", ""), "n", where), where)
        yield ReadingMessage(read_time(time, where), sensor, _value(record, base_value, where))


def _check_fields(record: dict[str, Any], where: str) -> None:
    version = record.get("bver", VERSION)
    if not isinstance(version, int) or version > VERSION:
        raise ReadingsRefused(f"{where}: SenML of version {str(version)[:20]} is unknown.")
    if demanded := sorted(name for name in record if name.endswith("_")):
        raise ReadingsRefused(f"{where}: the field {demanded[0][:40]!r} must be understood, and is not.")


def _value(record: dict[str, Any], base: float, where: str) -> float:
    if "vb" in record:
        if not isinstance(record["vb"], bool):
            raise ReadingsRefused(f"{where}: vb is neither true nor false.")
        return float(record["vb"])
    if record.get("v") is None:
        return float("nan")
    return base + _number(record["v"], "v", where)


def _number(given: object, name: str, where: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ReadingsRefused(f"{where}: {name} is not a number.")
    try:
        return float(given)
    except OverflowError as error:
        raise ReadingsRefused(f"{where}: {name} is too large.") from error


def _text(given: object, name: str, where: str) -> str:
    if not isinstance(given, str):
        raise ReadingsRefused(f"{where}: {name} is not a text.")
    return given
