"""A job takes its libraries from the worker's cache and downloads only the files of its deal."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from sealgrid.attestation.job_params import parse_params
from sealgrid.bundle.verify import verify_bundle
from sealgrid.crypto.digests import digest_of_cid
from sealgrid.demos.common.thief import open_thief
from sealgrid.errors import ServiceUnavailable
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.operations import buy, deploy, fetch_receipt, open_result, publish
from sealgrid.sdk.run_request import RunRequest
from sealgrid.storage.file_store import VerifyingReader
from sealgrid.units import Digest
from sealgrid.worker.job import JobRun
from tests.unit.shipped_apps.onnx_writer import passing

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.localnet


@dataclass
class DealFilesOnly(VerifyingReader):
    """A storage that serves some files only."""

    inner: VerifyingReader
    files: set[Digest]
    requested: list[Digest] = field(default_factory=list)

    async def pieces(self, sha256: Digest) -> AsyncIterator[bytes]:
        self.requested.append(sha256)
        if sha256 not in self.files:
            raise ServiceUnavailable(f"{sha256} cannot be reached.")
        async for piece in self.inner.pieces(sha256):
            yield piece


@pytest.mark.long
async def test_a_job_runs_while_no_library_can_be_downloaded(localnet, people, tmp_path):
    folder = ROOT / "src/sealgrid/shipped_apps" / "onnx_runner"
    app = await deploy.deploy(people.developer, folder)
    (tmp_path / "m.onnx").write_bytes(passing((1, 3)))
    model = await publish.publish(people.owner, tmp_path / "m.onnx", name="at hand", apps=[app.address])
    async with open_thief(localnet.network) as other:
        job = await buy.run(
            people.requester,
            RunRequest(
                app.address, model=model.address, files=[("input.json", b"[[1, 2, 3]]")], pool_order=other.order
            ),
        )
        task = await other.open_task(job)
        bundle = digest_of_cid(task.bundle.removeprefix("/ipfs/"))
        inputs = parse_params(job.terms.request.params).inputs
        source = DealFilesOnly(other.context.source, {bundle, model.checksum, *inputs})
        await JobRun(task, replace(other.context, source=source)).run()
    manifest = verify_bundle(await people.requester.storage.get_bytes(bundle, 1 << 24), app.digest).manifest
    assert manifest.environment is not None
    assert model.checksum in source.requested
    assert set(source.requested) <= source.files
    envelope = await fetch_receipt.fetch_receipt(people.requester, job.task)
    opened = await open_result.open_result(people.requester, parse_envelope(envelope).settle, job.result_key)
    assert opened.json()["outputs"]["y"]["values"] == [[1.0, 2.0, 3.0]]
