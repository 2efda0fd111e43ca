"""Reads JSON: SenML, or a list of records with time, sensor, value and time of arrival, or with a field a sensor."""

import json
from collections.abc import Iterator

from .csv_reader import RECEIVED, SENSOR, TIME, VALUE
from .errors import ReadingsRefused
from .messages import ReadingMessage, first_of, read_sensor, read_time, read_value
from .senml import is_senml, read_senml


def read_json(text: str) -> Iterator[ReadingMessage]:
    """Yield the readings of a document; raise ReadingsRefused with the number of an invalid record."""
    document = _document(text)
    if isinstance(document, dict):
        document = next((document[name] for name in ("readings", "data", "records") if name in document), document)
    if not isinstance(document, list):
        raise ReadingsRefused('the JSON is not a list of readings; write [{"time": …, "sensor": …, "value": …}, …].')
    return read_senml(document) if is_senml(document) else _read_records(document)


def _document(text: str) -> object:
    """Return the value of JSON, or a list of the values of JSON Lines."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if error.msg == "Extra data" and len(lines) > 1:
            return [_document(line) for line in lines]
        raise ReadingsRefused(f"the file is damaged JSON ({error.msg}).") from error
    except (ValueError, RecursionError) as error:
        raise ReadingsRefused("the file is damaged JSON (nested too deeply).") from error


def _read_records(records: list[object]) -> Iterator[ReadingMessage]:
    for number, record in enumerate(records, start=1):
        where = f"record {number}"
        if not isinstance(record, dict):
            raise ReadingsRefused(f"{where} is not an object with a time.")
        time = first_of(list(record), TIME)
        if time is None:
            raise ReadingsRefused(f"{where} has no {TIME[0]!r}.")
        sensor, value, received = (first_of(list(record), kind) for kind in (SENSOR, VALUE, RECEIVED))
        at = read_time(record[time], where)
        unknown = received is None or record[received] is None
        came = float("nan") if unknown else read_time(record[received], where)
        if sensor is not None:
            given = None if value is None else record[value]
            yield ReadingMessage(at, read_sensor(record[sensor], where), read_value(given, where), came)
            continue
        for name in record:
            if name not in {time, received}:
                yield ReadingMessage(at, read_sensor(name, where), read_value(record[name], where), came)
