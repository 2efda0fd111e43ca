"""Releases of one vault process over HTTP: quote verified, chain read, two shares sealed to the enclave."""

import asyncio
import time
from collections.abc import Sequence

from bench import calibration
from bench.context import Context
from bench.enclave_twin import EnclaveTwin, enclave_twin
from bench.figure import Figure, NotMeasured, Row, Shown
from bench.workloads import Workload, hash_file
from sealgrid.wire.vault import ReleaseRequest, VaultClient

AT_ONCE = 8
ROUNDS = 3
SECRETS = 2  #: the model's key and the input's


async def measure(context: Context) -> Figure:
    network = await context.networks.current()
    async with enclave_twin(network, _with_model(hash_file()), context.folder) as twin:
        vault = twin.conn.vaults[0]
        beside = calibration.cpu()
        latencies = await _one_by_one(twin, vault, context.either(12, 50))
        rates = [await _rate(twin, vault, context.either(16, 48)) for _ in range(ROUNDS)]
    return Figure(
        "vault release", (_latency(latencies, "median", beside), _latency(latencies, "p95", beside), _rates(rates))
    )


def _latency(milliseconds: list[float], shown: Shown, beside: str) -> Row:
    return Row(
        label="one at a time", unit="ms", samples=tuple(milliseconds), shown=shown, temperature="warm",
        calibration=beside,
    )  # fmt: skip


def _rates(rates: list[float]) -> Row:
    return Row(label=f"{AT_ONCE} at once", unit="1/s", samples=tuple(rates), temperature="warm")


def _with_model(workload: Workload) -> Workload:
    return Workload(workload.name, workload.folder, workload.file, workload.right, model=b"a model of a few bytes")


async def _one_by_one(twin: EnclaveTwin, vault: VaultClient, times: int) -> list[float]:
    milliseconds = []
    for request in await _requests(twin, vault, times):
        begun = time.perf_counter()
        reply = await vault.release(request)
        milliseconds.append(1000 * (time.perf_counter() - begun))
        if twin.shares(request, reply.sealed) != SECRETS:
            raise NotMeasured("the vault did not give both shares.")
    return milliseconds


async def _rate(twin: EnclaveTwin, vault: VaultClient, times: int) -> float:
    waiting = await _requests(twin, vault, times)
    begun = time.perf_counter()
    await asyncio.gather(*(_release_all(vault, waiting[start::AT_ONCE]) for start in range(AT_ONCE)))
    return times / (time.perf_counter() - begun)


async def _release_all(vault: VaultClient, requests: Sequence[ReleaseRequest]) -> None:
    for request in requests:
        await vault.release(request)


async def _requests(twin: EnclaveTwin, vault: VaultClient, times: int) -> list[ReleaseRequest]:
    return [await twin.evidence(vault, 0) for _ in range(times)]
