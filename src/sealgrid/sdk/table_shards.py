"""Splits tables into shards of some rows each: CSV, JSON lines, tables of pandas and polars, Arrow, paths of fsspec.

A shard is a file that an app takes: CSV with the header again, or a JSON list of the rows. Rows of CSV stay as they are
written where the app takes CSV. pandas, polars, PyArrow and fsspec are used where the caller has them; Sealgrid needs
none.
"""

import csv
import importlib
import io
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any, Final, Protocol

from sealgrid.bundle.model_signature import ModelSignature
from sealgrid.errors import InputRefused, SetupMissing

ROWS: Final = 1000  #: of a shard, where neither caller nor model's signature says otherwise
SUFFIXES: Final = (".csv", ".jsonl", ".ndjson", ".parquet")

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+(?:[eE][+-]?[0-9]{1,2})?|[eE][+-]?[0-9]{1,2})?")

Shard = tuple[str, bytes]  #: name and content


class SizedTable(Protocol):
    """A table of pandas or polars."""

    columns: Any


class ArrowTable(Protocol):
    """A table of Arrow."""

    num_rows: int


Table = str | os.PathLike[str] | SizedTable | ArrowTable


def rows_of(signature: ModelSignature | None) -> int:
    """Return the rows of a batch: what the first axis of the model's inputs requires, else ``ROWS``."""
    inputs = signature.inputs if signature else ()
    sizes = {spec.shape[0] for spec in inputs if spec.shape and len(spec.shape) > 1 and isinstance(spec.shape[0], int)}
    return max(1, sizes.pop()) if len(sizes) == 1 else ROWS


def table_shards(table: Table, rows: int, media_types: Sequence[str] = ()) -> Iterator[Shard]:
    """Yield the shards of a table with at most ``rows`` rows each, in order.

    ``table`` is the path of a CSV, JSON lines or Parquet file, also one of fsspec ("s3://…"), a table of pandas or
    polars, or a table of Arrow. ``media_types`` are those that the app takes, none for any. Raises InputRefused for
    another object or a file that cannot be read, SetupMissing, with what to install, for a path or a format that needs
    a package that is not installed.
    """
    if rows < 1:
        raise InputRefused(f"a shard has one row or more, not {rows}.")
    as_csv = not media_types or "text/csv" in media_types
    if isinstance(table, (str, os.PathLike)):
        yield from _of_path(os.fspath(table), rows, as_csv=as_csv)
        return
    given: Any = table
    if hasattr(given, "to_pylist") and hasattr(given, "num_rows"):  # Arrow
        yield from _of_records(given.num_rows, lambda start: given.slice(start, rows).to_pylist(), rows, as_csv=as_csv)
    elif hasattr(given, "columns") and hasattr(given, "to_dict") and hasattr(given, "iloc"):  # pandas
        yield from _of_records(
            len(given), lambda start: given.iloc[start : start + rows].to_dict("records"), rows, as_csv=as_csv
        )
    elif hasattr(given, "columns") and hasattr(given, "to_dicts"):  # polars
        yield from _of_records(len(given), lambda start: given.slice(start, rows).to_dicts(), rows, as_csv=as_csv)
    else:
        raise InputRefused(
            f"{type(table).__name__} is not a table; give a path of CSV, JSON lines or Parquet, or a table of pandas, "
            "polars or Arrow."
        )


def _of_path(path: str, rows: int, *, as_csv: bool) -> Iterator[Shard]:
    suffix = PurePath(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise InputRefused(f"{path} is not a table; its name must end in one of {', '.join(SUFFIXES)}.")
    content = _read(path)
    if suffix == ".parquet":
        parquet = _installed("pyarrow.parquet", "pyarrow", f"{path} is a Parquet file")
        yield from table_shards(parquet.read_table(io.BytesIO(content)), rows, ("text/csv",) if as_csv else ("json",))
        return
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputRefused(f"{path} is not UTF-8 text; save it as UTF-8.") from error
    yield from _of_csv(text, rows, as_csv=as_csv) if suffix == ".csv" else _of_lines(text, rows)


def _of_csv(text: str, rows: int, *, as_csv: bool) -> Iterator[Shard]:
    records = _raw_records(text)
    header = next(records, None)
    if header is None:
        raise InputRefused("the table has no header.")
    names, head = header
    batch: list[tuple[list[str], str]] = []
    number = 0
    for record in records:
        if len(record[0]) != len(names):
            raise InputRefused(f"row {number * rows + len(batch) + 1} has {len(record[0])} cells, not {len(names)}.")
        batch.append(record)
        if len(batch) == rows:
            yield _csv_shard(number, names, head, batch, as_csv=as_csv)
            batch, number = [], number + 1
    if batch or not number:
        yield _csv_shard(number, names, head, batch, as_csv=as_csv)


def _csv_shard(number: int, names: list[str], head: str, batch: list[tuple[list[str], str]], *, as_csv: bool) -> Shard:
    if as_csv:
        return _named(number, ".csv"), (head + "".join(raw for _, raw in batch)).encode()
    listed = [dict(zip(names, map(_value, cells), strict=True)) for cells, _ in batch]
    return _named(number, ".json"), json.dumps(listed).encode()


def _raw_records(text: str) -> Iterator[tuple[list[str], str]]:
    """Yield the cells of each record of CSV with its text as it is written; empty lines are not records."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += "\n"
    reader, start = csv.reader(lines, strict=True), 0
    try:
        for cells in reader:
            if cells:
                yield cells, "".join(lines[start : reader.line_num])
            start = reader.line_num
    except csv.Error as error:
        raise InputRefused(f"line {reader.line_num} of the table is not valid CSV ({error}).") from error


def _of_lines(text: str, rows: int) -> Iterator[Shard]:
    lines = [line for line in text.split("\n") if line.strip()]
    for number, line in enumerate(lines, start=1):
        try:
            json.loads(line)
        except ValueError as error:
            raise InputRefused(f"line {number} is not valid JSON ({error}).") from error
    for number, start in enumerate(range(0, max(1, len(lines)), rows)):
        yield _named(number, ".json"), f"[{','.join(lines[start : start + rows])}]".encode()


def _of_records(count: int, records_from: Any, rows: int, *, as_csv: bool) -> Iterator[Shard]:
    for number, start in enumerate(range(0, max(1, count), rows)):
        records = [{name: _present(value) for name, value in row.items()} for row in records_from(start)]
        if not as_csv:
            try:
                yield _named(number, ".json"), json.dumps(records).encode()
            except (TypeError, ValueError) as error:
                raise InputRefused(f"the table has a value that JSON cannot hold ({error}).") from error
            continue
        target = io.StringIO()
        writer = csv.DictWriter(target, list(records[0]) if records else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
        yield _named(number, ".csv"), target.getvalue().encode()


def _value(cell: str) -> str | int | float | None:
    """Return a cell of CSV as a value of JSON: a number where JSON writes it so (007 is a text), null where empty."""
    number = _NUMBER.fullmatch(cell)
    if number is None:
        return cell or None
    return int(cell) if number[1] is None else float(cell)


def _present(value: Any) -> Any:
    """Return a cell of a table in memory; None for a missing one: pandas has NaN, NaT and NA, JSON has none of them."""
    try:
        return None if value != value else value  # noqa: PLR0124  only NaN and NaT differ from themselves
    except TypeError:  # NA is neither equal nor different
        return None
    except ValueError:  # an array
        return value


def _named(number: int, suffix: str) -> str:
    return f"rows-{number:05}{suffix}"


def _read(path: str) -> bytes:
    if "://" in path:
        fsspec = _installed("fsspec", "fsspec", f"{path} is not a local path")
        try:
            with fsspec.open(path, "rb") as file:
                return bytes(file.read())
        except ImportError as error:
            raise SetupMissing(f"{path} needs another package: {error}.") from error
        except (OSError, ValueError) as error:
            raise InputRefused(f"{path} cannot be read ({error}).") from error
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise InputRefused(f"{path} cannot be read ({error.strerror}).") from error


def _installed(module: str, package: str, reason: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise SetupMissing(
            f"{reason}, and {package} is not installed; install it with: pip install {package}"
        ) from error
