"""Throughput and latency of releases of one vault process, with distinct tasks, enclaves, nonces and quotes.

Nonces and quotes are made before the clock starts. First connections that ask again as soon as they are answered show
the capacity; then requests come at a fixed rate, and each counts from the moment when it was due.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec

from bench import calibration
from bench.context import Context
from bench.enclave_twin import EnclaveTwin, enclave_twins
from bench.figure import Figure, NotMeasured, Row, Target
from bench.processes import cpu_seconds, process_of
from bench.workloads import hash_file, with_model
from sealgrid.wire.message import encode

AT_ONCE = 8
RATE = 150.0  #: requests a second that are offered
PER_TASK = 3  #: two rounds of capacity, one of latency; each with a nonce and a quote of its own
WARM_UP = 8
CAPACITY = Target("≥", 300.0)
LATENCY = Target("≤", 50.0)
PROCESSOR = Target("≤", 2.5)


@dataclass(frozen=True)
class LoadSample:
    """One request, ready to be sent."""

    twin: EnclaveTwin
    body: bytes
    data: bytes  #: what the answer is sealed under


async def measure(context: Context) -> Figure:
    network = await context.networks.current()
    vault, pid = network.vaults[0], process_of(Path(network.folder), network.vaults[0].url)
    async with (
        enclave_twins(network, with_model(hash_file()), context.folder, tasks=context.either(60, 240)) as twins,
        aiohttp.ClientSession() as session,
    ):
        url, beside = f"{vault.url}/releases", calibration.cpu()
        await _closed(session, url, await _shots(twins[:WARM_UP]))
        rates, spent = [], []
        for _ in range(PER_TASK - 1):
            shots, before = await _shots(twins), cpu_seconds(pid)
            rates.append(await _closed(session, url, shots))
            spent.append(1000 * (cpu_seconds(pid) - before) / len(shots))
        late = tuple(1000 * seconds for seconds in await _open(session, url, await _shots(twins)))
    offered = f"{RATE:.0f}/s offered"
    return Figure(
        "vault load",
        (
            Row(
                label=f"releases, {AT_ONCE} at once",
                unit="1/s",
                samples=tuple(rates),
                temperature="warm",
                target=CAPACITY,
                calibration=beside,
            ),
            Row(
                label="the vault's processor time a release",
                unit="ms",
                samples=tuple(spent),
                temperature="warm",
                target=PROCESSOR,
                calibration=beside,
            ),
            Row(label=offered, unit="ms", samples=late, temperature="warm"),
            Row(
                label=offered,
                unit="ms",
                samples=late,
                shown="p95",
                temperature="warm",
                target=LATENCY,
                calibration=beside,
            ),
        ),
        "vault, chain, three other vaults and services and the load itself share this machine's processors",
    )


async def _shots(twins: Sequence[EnclaveTwin]) -> list[LoadSample]:
    shots = []
    for twin in twins:
        request = await twin.evidence(twin.conn.vaults[0], 0)
        shots.append(LoadSample(twin, encode(request), twin.report_data(request.nonces)))
    return shots


async def _closed(session: aiohttp.ClientSession, url: str, shots: Sequence[LoadSample]) -> float:
    async def one_after_the_other(mine: Sequence[LoadSample]) -> list[bytes]:
        return [await _fire(session, url, shot) for shot in mine]

    begun = time.perf_counter()
    answers = await asyncio.gather(*(one_after_the_other(shots[start::AT_ONCE]) for start in range(AT_ONCE)))
    rate = len(shots) / (time.perf_counter() - begun)
    for start in range(AT_ONCE):
        _expect_shares(shots[start::AT_ONCE], answers[start])
    return rate


async def _open(session: aiohttp.ClientSession, url: str, shots: Sequence[LoadSample]) -> list[float]:
    begun = time.perf_counter()

    async def when_due(number: int, shot: LoadSample) -> tuple[float, bytes]:
        due = begun + number / RATE
        await asyncio.sleep(due - time.perf_counter())
        answer = await _fire(session, url, shot)
        return time.perf_counter() - due, answer

    found = await asyncio.gather(*(when_due(number, shot) for number, shot in enumerate(shots)))
    _expect_shares(shots, [answer for _, answer in found])
    return [seconds for seconds, _ in found]


async def _fire(session: aiohttp.ClientSession, url: str, shot: LoadSample) -> bytes:
    async with session.post(url, data=shot.body) as response:
        return await response.read()


def _expect_shares(shots: Sequence[LoadSample], answers: Sequence[bytes]) -> None:
    for shot, answer in zip(shots, answers, strict=True):
        try:
            sealed = msgspec.json.decode(answer, type=_Reply).sealed
        except msgspec.DecodeError as error:
            raise NotMeasured(f"the vault refused: {answer[:200]!r}") from error
        shot.twin.hpke.open(sealed, shot.data)


class _Reply(msgspec.Struct):
    sealed: bytes
