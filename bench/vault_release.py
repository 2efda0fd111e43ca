"""One release of one vault process over HTTP: quote verified, chain read, two shares sealed to the enclave."""

import time

from bench import calibration
from bench.context import Context
from bench.enclave_twin import EnclaveTwin, enclave_twins
from bench.figure import Figure, NotMeasured, Row, Shown
from bench.workloads import hash_file, with_model
from sealgrid.wire.vault import VaultClient

SECRETS = 2  #: the model's key and the input's


async def measure(context: Context) -> Figure:
    network = await context.networks.current()
    async with enclave_twins(network, with_model(hash_file()), context.folder) as (twin,):
        beside = calibration.cpu()
        latencies = await _one_by_one(twin, twin.conn.vaults[0], context.either(12, 50))
    return Figure("vault release", tuple(_row(latencies, shown, beside) for shown in ("median", "p95")))


def _row(milliseconds: list[float], shown: Shown, beside: str) -> Row:
    return Row(
        label="one at a time",
        unit="ms",
        samples=tuple(milliseconds),
        shown=shown,
        temperature="warm",
        calibration=beside,
    )


async def _one_by_one(twin: EnclaveTwin, vault: VaultClient, times: int) -> list[float]:
    milliseconds = []
    for request in [await twin.evidence(vault, 0) for _ in range(times)]:
        begun = time.perf_counter()
        reply = await vault.release(request)
        milliseconds.append(1000 * (time.perf_counter() - begun))
        if twin.shares(request, reply.sealed) != SECRETS:
            raise NotMeasured("the vault did not give both shares.")
    return milliseconds
