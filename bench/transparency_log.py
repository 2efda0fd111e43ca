"""Time and memory of a vault's log as it grows: append, prove, reopen."""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench import calibration
from bench.context import Context
from bench.figure import Figure, Row
from sealgrid.attestation.vault_log import LogEntry
from sealgrid.crypto import merkle
from sealgrid.units import ZERO_ADDRESS, Address, DealId, TaskId, to_address, to_digest
from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.log_store import VaultLog
from sealgrid.vault.stores.prepared_statements import driver_connection
from sealgrid.vault.stores.schema import log_entries
from sealgrid.wire.log import MAX_ENTRIES

SIZES = (1_000, 100_000, 1_000_000)
QUICK_SIZES = (1_000, 10_000, 100_000)
PROOFS = 200
OPENINGS = 5
ASSETS = 5
_BATCH = 10_000
_OPEN = """
import sys
from pathlib import Path
from sealgrid.vault.stores.log_store import VaultLog
from sealgrid.vault.stores.schema import log_entries
from sealgrid.vault.stores.database import VaultDatabase
VaultLog(VaultDatabase(Path(sys.argv[1])))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""


@dataclass(frozen=True)
class Costs:
    """Of a log of one size, in microseconds, milliseconds and MiB; each with all its samples."""

    size: int
    append: tuple[float, ...]
    inclusion: tuple[float, ...]
    consistency: tuple[float, ...]
    page: tuple[float, ...]
    opening: tuple[float, ...]
    memory: tuple[float, ...]


async def measure(context: Context) -> Figure:
    folder, beside = context.folder / "log", calibration.cpu()
    folder.mkdir()
    costs = [_at(folder / DATABASE, size) for size in context.either(QUICK_SIZES, SIZES)]
    return Figure("transparency log", tuple(row for cost in costs for row in _rows(cost, costs[0], beside)))


def _at(path: Path, size: int) -> Costs:
    with closing(VaultDatabase(path)) as store:
        _grow(store, size)
    opening = tuple(1000 * seconds for seconds in _each(lambda: _opened(path), OPENINGS))
    with closing(VaultDatabase(path)) as store:
        log, chance = VaultLog(store), random.Random(size)
        return Costs(
            size=size,
            opening=opening,
            memory=tuple(_memory(path) for _ in range(3)),
            inclusion=_micro(lambda: log.inclusion(chance.randrange(size), size)),
            consistency=_micro(lambda: log.consistency(chance.randrange(1, size), size)),
            page=tuple(
                each / 1000
                for each in _micro(lambda: log.page(chance.randrange(size - ASSETS * MAX_ENTRIES), _asset(3)), 20)
            ),
            append=_micro(lambda: log.append(log.prepare(_entry(log.frontier.size)))),
        )


def _grow(database: VaultDatabase, size: int) -> None:
    """Write the rows that appending would have written, many in one statement: this is not what is measured."""
    frontier = VaultLog(database).frontier
    while frontier.size < size:
        rows = []
        for position in range(frontier.size, min(frontier.size + _BATCH, size)):
            document = msgspec.json.encode(_entry(position))
            frontier, nodes = frontier.append(merkle.leaf_hash(document))
            rows.append((position, document, b"".join(nodes), _asset(position)))
        with database.transaction() as connection:
            statement = f"INSERT INTO {log_entries.name} (position, entry, nodes, asset) VALUES (?, ?, ?, ?)"
            driver_connection(connection).executemany(statement, rows)
        database.commit()


def _entry(number: int) -> LogEntry:
    name = to_digest(number.to_bytes(32, "big"))
    return LogEntry(
        deal=DealId(name),
        task=TaskId(name),
        worker=ZERO_ADDRESS,
        enclave=to_address(name[:42]),
        app=ZERO_ADDRESS,
        asset=_asset(number),
        owner=ZERO_ADDRESS,
        requester=ZERO_ADDRESS,
        policy=1,
        session=name,
        facts=name,
        block=number,
        time=number,
    )


def _asset(number: int) -> Address:
    return to_address((number % ASSETS).to_bytes(20, "big"))


def _opened(path: Path) -> None:
    with closing(VaultDatabase(path)) as store:
        VaultLog(store)


def _memory(path: Path) -> float:
    """Return the MiB that a process holds which opened the log and nothing else."""
    ended = subprocess.run([sys.executable, "-c", _OPEN, str(path)], capture_output=True, text=True, check=True)
    return int(ended.stdout) / 1024


def _micro(step: Callable[[], object], repeats: int = PROOFS) -> tuple[float, ...]:
    return tuple(1e6 * seconds for seconds in _each(step, repeats))


def _each(step: Callable[[], object], repeats: int) -> Iterator[float]:
    for _ in range(repeats):
        begun = time.perf_counter()
        step()
        yield time.perf_counter() - begun


def _rows(cost: Costs, least: Costs, beside: str) -> Sequence[Row]:
    entries_said = f"{cost.size:,} entries"
    units = {"append": "µs", "inclusion": "µs", "consistency": "µs", "page": "ms", "opening": "ms", "memory": "MiB"}
    rows = [
        Row(label=f"{entries_said}, {name}", unit=unit, samples=getattr(cost, name), temperature="warm")
        for name, unit in units.items()
    ]
    rows[0] = msgspec.structs.replace(rows[0], calibration=beside)
    if cost is not least:
        ratio = (rows[0].value / Row(label="", unit="", samples=least.append).value,)
        rows.append(Row(label=f"{entries_said}, append / that of {least.size:,}", unit="", samples=ratio))
    return rows
