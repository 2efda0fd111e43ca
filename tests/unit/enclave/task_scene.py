"""One task inside an enclave, from sealed files to its outcome: real sealing, real sandbox, a worker that serves files."""

import asyncio
import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from sealgrid.attestation.facts import BulkFact, DatasetFact, SecretFact
from sealgrid.attestation.job_params import parse_params
from sealgrid.bundle.archive import pack
from sealgrid.bundle.job_input import JobInput
from sealgrid.bundle.manifest import MANIFEST, AppFileEntry, AppLimits, Manifest
from sealgrid.bundle.verify import verify_bundle
from sealgrid.crypto import container
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.iexec_format import seal_iexec
from sealgrid.enclave.job import app_job
from sealgrid.enclave.job.app_layout import JobFolders, lay_out_app
from sealgrid.enclave.job.app_preparation import PreparedApp
from sealgrid.enclave.protocol.release import ReleaseQuorum
from sealgrid.enclave.sandbox.exit_cause import NO_PROTECTION
from sealgrid.errors import NotFound
from sealgrid.poco.orders import RequestOrder
from sealgrid.receipts.request_document import RequestDocument, VerifiedRequest
from sealgrid.units import Digest, to_digest
from sealgrid.wire.relay import RelayClient, RelayReply, RelayRequest, read_frame, write_frame
from tests.unit.enclave.facts_scene import ACCOUNT, facts

KEY = bytes(range(32))
DATASET = "0x" + "d5" * 20

#: reports every file, argument and task-specific variable that an app can read
REPORT_APP = """
import hashlib, json, os, sys
def files(folder):
    return {os.path.join(top, name): open(os.path.join(top, name), "rb").read().hex()
            for top, _, names in os.walk(folder) for name in names}
report = {
    "datasets": files(os.environ["IEXEC_IN"]), "inputs": files(os.environ["IEXEC_INPUT_FILES_FOLDER"]),
    "app": files("/app"), "wheels": files("/wheels"), "out": files(os.environ["IEXEC_OUT"]), "tmp": files("/tmp"),
    "environment": {key: value for key, value in os.environ.items() if key.startswith("IEXEC_")}, "args": sys.argv[1:],
}
out = os.environ["IEXEC_OUT"]
json.dump(report, open(out + "/result.json", "w"))
json.dump({"deterministic-output-path": out + "/result.json"}, open(out + "/computed.json", "w"))
"""


@dataclass
class Task:
    """Untrusted inputs of one task; ``perform`` runs it."""

    folder: Path
    app: dict[str, bytes] = field(default_factory=lambda: {"main.py": REPORT_APP.encode()})
    public_args: str = ""
    public_files: list[str] = field(default_factory=list)  #: URLs in the params
    dataset: bytes | None = None
    archives: list[bytes] = field(default_factory=list)  #: plaintexts of the sealed inputs
    developer_secret: bytes | None = None
    pushed_secrets: dict[str, bytes] = field(default_factory=dict)  #: number -> content
    bulk: list[tuple[str, bytes]] = field(default_factory=list)  #: (address, content), in the order of the slice
    limits: AppLimits = field(default_factory=lambda: AppLimits(memory=256 << 20, processes=4, output_bytes=1 << 20))
    stored: dict[str, bytes] = field(default_factory=dict)  #: files of the worker, by digest

    def give(self, **parts: object) -> "Task":
        """Add one sealed input."""
        self.archives.append(JobInput(**parts).pack())  # type: ignore[arg-type]
        return self

    def perform(self) -> app_job.JobOutcome:
        return asyncio.run(self._performed())

    def report(self) -> dict[str, dict[str, str]]:
        """Run the task and return the app's report."""
        files = self.files(self.perform())
        assert "result.json" in files, files
        return json.loads(files["result.json"])

    def log(self) -> str:
        """Run a task whose failure is settled, and return its log."""
        outcome = self.perform()
        files = self.files(outcome)
        assert outcome.exit_class == "app-failed", files
        assert json.loads(files["sealgrid.json"]) == {"exit": -1}
        return files["app.log"].decode()

    @staticmethod
    def files(outcome: app_job.JobOutcome) -> dict[str, bytes]:
        with zipfile.ZipFile(io.BytesIO(outcome.archive)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    async def _performed(self) -> app_job.JobOutcome:
        quorum, prepared = self._quorum(), self._prepared()
        listening = await asyncio.start_unix_server(self._serve, self.folder / "relay", limit=1 << 20)
        relay = RelayClient(*await asyncio.open_unix_connection(self.folder / "relay"))
        try:
            return await asyncio.wait_for(app_job.perform(relay, quorum, prepared, protection=NO_PROTECTION), 60)
        finally:
            await relay.close()
            listening.close()

    def _prepared(self) -> PreparedApp:
        files = tuple(
            AppFileEntry(path=path, size=len(content), sha256=to_digest(sha256(content)))
            for path, content in sorted(self.app.items())
        )
        manifest = Manifest(
            name="a", version="1", python="3.11", entrypoint=("main.py",), files=files, limits=self.limits
        )
        bundle = verify_bundle(pack({**self.app, MANIFEST: manifest.encode()}), manifest.digest())
        folders = JobFolders(self.folder)
        lay_out_app(bundle, folders.path("app"))
        return PreparedApp(bundle, folders)

    def _quorum(self) -> ReleaseQuorum:
        secrets, keys = [], {}

        def sealed(kind: str, content: bytes) -> Digest:
            file = container.seal_bytes(content, dek=KEY, key_id=bytes([len(secrets)]) * 16)
            digest = self.store(file)
            secrets.append(SecretFact(kind=kind, record=digest, file_sha256=digest))
            keys[digest] = KEY
            return digest

        dataset = None
        if self.dataset is not None:
            dataset = DatasetFact(address=DATASET, owner=ACCOUNT, checksum=sealed("dataset", self.dataset))
        inputs = tuple(sealed("input", archive) for archive in self.archives)
        for content in self.pushed_secrets.values():
            sealed("iexec-requester", content)
        if self.developer_secret is not None:
            sealed("developer", self.developer_secret)
        ours = {"inputs": inputs, "result_key": facts().result_key}
        params: dict[str, object] = {"iexec_args": self.public_args, "sealgrid": ours}
        params["iexec_input_files"] = self.public_files
        if self.pushed_secrets:
            params["iexec_secrets"] = {number: f"name-{number}" for number in self.pushed_secrets}
        listed = tuple(
            DatasetFact(address=address, owner=ACCOUNT, checksum=self.store(seal_iexec(content, KEY, bytes(16))))
            for address, content in self.bulk
        )
        signed = msgspec.structs.replace(
            facts(dataset),
            inputs=inputs,
            secrets=tuple(secrets),
            params=json.dumps(params),
            output_bytes=1 << 20,
            bulk=BulkFact(block=7, datasets=listed, left_out=()) if listed else msgspec.UNSET,
        )
        order = RequestOrder(app=signed.app.address, requester=ACCOUNT, beneficiary=ACCOUNT, params=signed.params)
        return ReleaseQuorum(
            facts=signed,
            facts_bytes=signed.encode(),
            releases={},
            deposit_keys={},
            keys=keys,
            bulk=(KEY,) * len(listed),
            request=VerifiedRequest(RequestDocument.of(order), order, parse_params(order.params), "eoa"),
        )

    def store(self, content: bytes) -> Digest:
        digest = to_digest(sha256(content))
        self.stored.setdefault(digest, content)
        return digest

    def _answer(self, frame: RelayRequest) -> RelayReply:
        if frame.call != "read":
            return RelayReply(id=frame.id)
        if frame.path not in self.stored:
            missing = NotFound("no storage has this file.")
            return RelayReply(id=frame.id, error=missing.to_wire(), status=missing.http_status)
        piece = self.stored[frame.path][frame.offset : frame.offset + frame.length]
        return RelayReply(id=frame.id, body=piece)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                frame = msgspec.msgpack.decode(await read_frame(reader), type=RelayRequest)
                write_frame(writer, msgspec.msgpack.encode(self._answer(frame)))
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()
