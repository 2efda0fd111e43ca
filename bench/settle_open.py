"""What it costs one vault to settle a result and to open it: bytes as they travel, beside all of it unpacked."""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aiohttp

from bench.context import Context
from bench.figure import Figure, NotMeasured, Row, Target
from bench.jobs import JOB_SECONDS, sell
from bench.workloads import hash_file
from sealgrid.attestation.statements import Settle
from sealgrid.chain.accounts import development_key
from sealgrid.localnet.layout import Layout
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.connection import connect
from sealgrid.sdk.network import Network
from sealgrid.sdk.operations import buy, fetch_receipt
from sealgrid.sdk.operations.follow import follow
from sealgrid.sdk.run_request import RunRequest
from sealgrid.wire.message import encode
from sealgrid.wire.vault import OpenRequest
from sealgrid.worker.exposure_log import exposure_file

Coding = Literal["identity", "gzip"]  #: of HTTP: all there is, unpacked; and as our clients ask
HALF = Target("≤", 0.5)


@dataclass(frozen=True)
class Cost:
    """Of one vault and one result; the sealed result itself, which it fetches too, is as large as the app made it."""

    settle: dict[Coding, int]  #: bytes: request, answer, and the receipt that the vault fetches
    open: dict[Coding, int]  #: bytes: request and answer; unpacked with the vault's testimony
    seconds: float  #: to open


async def measure(context: Context) -> Figure:
    network = await context.networks.current()
    costs = [await _one(network, context.folder) for _ in range(context.either(2, 5))]
    rows = []
    for label in ("settle", "open"):
        plain, packed = ([getattr(cost, label)[coding] for cost in costs] for coding in ("identity", "gzip"))
        ratios = tuple(after / before for before, after in zip(plain, packed, strict=True))
        rows.append(Row(label=f"{label}, unpacked and whole", unit="bytes", samples=tuple(map(float, plain))))
        rows.append(Row(label=f"{label}, as asked", unit="bytes", samples=tuple(map(float, packed))))
        rows.append(Row(label=f"{label}, as asked / whole", unit="", samples=ratios, target=HALF))
    rows.append(Row(label="open", unit="ms", samples=tuple(1000 * cost.seconds for cost in costs), temperature="warm"))
    return Figure("a vault's settle and open", tuple(rows))


async def _one(network: Network, folder: Path) -> Cost:
    workload = hash_file()
    async with (
        connect(network, development_key("developer")) as developer,
        connect(network, development_key("owner")) as owner,
        connect(network, development_key("requester")) as requester,
        aiohttp.ClientSession(auto_decompress=False) as raw,
    ):
        sold = await sell(developer, owner, workload, folder)
        job = await buy.run(requester, RunRequest(sold.app, model=sold.model, files=[workload.file]))
        await follow(requester, job)
        settle = parse_envelope(await fetch_receipt.fetch_receipt(requester, job.task)).settle
        exchanged = await _exchanged(network, settle)
        receipt = await requester.storage.size(settle.receipt_sha256)
        fetched = f"{network.storage_url}/files/{settle.receipt_sha256}/0/{receipt}"
        questions = {coding: _question(settle, testimony=coding == "identity") for coding in _CODINGS}
        url = f"{network.vaults[0].url}/openings"
        begun = time.perf_counter()
        opened = {coding: await _size(raw, "POST", url, coding, questions[coding]) for coding in _CODINGS}
        return Cost(
            settle={coding: exchanged + await _size(raw, "GET", fetched, coding) for coding in _CODINGS},
            open={coding: len(questions[coding]) + size for coding, size in opened.items()},
            seconds=(time.perf_counter() - begun) / len(opened),
        )


_CODINGS: tuple[Coding, ...] = ("identity", "gzip")


def _question(settle: Settle, *, testimony: bool) -> bytes:
    return encode(OpenRequest(task=settle.task, enclave=settle.enclave, testimony=testimony))


async def _size(raw: aiohttp.ClientSession, method: str, url: str, coding: Coding, body: bytes = b"") -> int:
    async with raw.request(method, url, data=body, headers={"accept-encoding": coding}) as answer:
        content = await answer.read()
        if answer.status != 200 or (answer.headers.get("content-encoding", "identity") != coding):
            raise NotMeasured(f"{method} {url} was answered {answer.status}, not as {coding}.")
        return len(content)


async def _exchanged(network: Network, settle: Settle) -> int:
    """Return the bytes of one Settle and its answer, as the worker that carried them counted them."""
    notes = exposure_file(Layout(Path(network.folder)).part("worker") / "jobs", settle.task)
    async with asyncio.timeout(JOB_SECONDS):
        while not notes.exists():  # the worker writes them once the job has ended
            await asyncio.sleep(0.05)
    sizes = [note["size"] for note in json.loads(notes.read_bytes()) if note["what"].endswith("1: /settlements")]
    if len(sizes) != 2:
        raise NotMeasured("the worker carried no Settle to vault 1.")
    return int(sum(sizes))
