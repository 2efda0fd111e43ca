"""Open a paid result: combine the vaults' shares of K2 with K1, decrypt, and read the archive."""

import asyncio
import io
import zipfile
from dataclasses import dataclass, field

import msgspec

from sealgrid.attestation.statements import Settle
from sealgrid.bundle.archive import BROKEN, is_regular, open_archive, path_fault
from sealgrid.bundle.result_padding import unpad
from sealgrid.chain.views import TaskStatus
from sealgrid.crypto import container
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.shares import KeyRecord, Share, combine, mismatched_vaults
from sealgrid.errors import DECODE_ERRORS, ContainerRefused, EvidenceRefused, InputRefused, SealgridError
from sealgrid.receipts.deferred_callback import DeferredCallback
from sealgrid.sdk.connection import Connection
from sealgrid.units import Address, TaskId
from sealgrid.wire.quorum import PATIENT_SECONDS, call_all
from sealgrid.wire.result_metadata import ResultMetadata, k1_context
from sealgrid.wire.shares import open_share
from sealgrid.wire.vault import OpenReply, OpenRequest

MAX_RESULT_BYTES = 1 << 30
MAX_FILES = 10_001  #: those of the app's output, and the status file
MAX_DEPTH = 32  #: folders, as of an app's output
STATUS_FILE = "sealgrid.json"  #: in every result: how the app ended
LOG_FILE = "app.log"  #: in the result of an app that failed; that of another app is named in the status
LOG_TAIL_LINES = 10


class _CallbackFile(msgspec.Struct, frozen=True):
    data: str
    salt: str


class _ExitStatus(msgspec.Struct, frozen=True):
    exit: int
    callback: _CallbackFile | None = None
    log: str = ""  #: the name of the log's file, of an app that succeeded and logged anything


@dataclass(frozen=True, slots=True)
class RunResult:
    """The files that the app wrote into IEXEC_OUT."""

    files: dict[str, bytes] = field(repr=False)
    #: vaults that returned an invalid share of the result's key; the others were enough
    lying_vaults: tuple[Address, ...] = ()

    @property
    def exit(self) -> int:
        """Return the app's exit code; -1 if it failed before it could end."""
        return self._status().exit

    @property
    def deferred_callback(self) -> DeferredCallback | None:
        """Return the data of the deferred callback; None for a run without one."""
        callback = self._status().callback
        if callback is None:
            return None
        return DeferredCallback(
            bytes.fromhex(callback.data.removeprefix("0x")), bytes.fromhex(callback.salt.removeprefix("0x"))
        )

    @property
    def log(self) -> str:
        """Return what the app wrote to standard output and error; empty if it wrote nothing."""
        return self.files.get(self.log_file, b"").decode(errors="replace")

    @property
    def log_file(self) -> str:
        """Return the name of the log among the files; empty if the app succeeded and wrote no log."""
        status = self._status()
        return status.log if status.exit == 0 else LOG_FILE

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """Return the last lines of the log, without empty ones at the end."""
        return "\n".join(self.log.rstrip().splitlines()[-lines:])

    def _status(self) -> _ExitStatus:
        return msgspec.json.decode(self.files[STATUS_FILE], type=_ExitStatus)

    def json(self, name: str = "result.json") -> object:
        """Return a JSON file of the result."""
        if name not in self.files:
            raise InputRefused(f"the result has no file {name!r}; it has: {', '.join(sorted(self.files))}.", money="")
        return msgspec.json.decode(self.files[name])


async def open_result(conn: Connection, settled: Settle, key: HpkeKey, *, refused: bool = False) -> RunResult:
    """Fetch the sealed result that an enclave settled, request K2 from the vaults, and open it.

    The result of a deal that the vaults ``refused`` is not encrypted: it states the public reason.

    Raises ReleaseRefused with the vaults' reason while the chain has not paid, and ContainerRefused for another file or
    key.
    """
    sealed = await conn.storage.get_bytes(settled.sealed_sha256, MAX_RESULT_BYTES)
    if refused:
        return RunResult(_unzip(sealed))
    # Unverified here; opening verifies it: HPKE binds K1 to task and enclave, the container binds file and header.
    try:
        metadata = msgspec.json.decode(container.read_header(io.BytesIO(sealed)).metadata, type=ResultMetadata)
    except DECODE_ERRORS as error:
        raise InputRefused("this sealed file is not a result.", money="") from error
    if (metadata.task, metadata.enclave) != (settled.task, settled.enclave):
        raise EvidenceRefused("open", "this sealed file is the result of another task or enclave.", money="")
    k1 = key.open(bytes.fromhex(metadata.k1), k1_context(settled.task, settled.enclave))
    k2, lying_vaults = (bytes(len(k1)), ()) if metadata.release == "direct" else await _k2(conn, settled, key)
    dek = bytes(a ^ b for a, b in zip(k1, k2, strict=True))
    result = RunResult(_unzip(unpad(container.open_bytes(sealed, dek))), lying_vaults)
    # The storage nodes may remove the files later; failures are ignored.
    files = (settled.sealed_sha256, settled.receipt_sha256)
    await asyncio.gather(*(node.report_opened(files) for node in conn.storage_nodes), return_exceptions=True)
    return result


async def open_public_result(conn: Connection, task: TaskId) -> RunResult:
    """Fetch the result of a completed task without a TEE, by the digest on which its workers agreed on the chain.

    Raises InputRefused before, and NotFound if no storage node has it.
    """
    view = await conn.hub.view_task(task)
    if view.status is not TaskStatus.COMPLETED:
        raise InputRefused(f"task {task} is not completed; its result is not final.", money="")
    return RunResult(_unzip(await conn.storage.get_bytes(view.result_digest, MAX_RESULT_BYTES)))


async def openings(conn: Connection, settled: Settle) -> list[OpenReply | BaseException]:
    """Return the vaults' replies in order: a share of K2, sealed to the result key, or an error."""
    request = OpenRequest(task=settled.task, enclave=settled.enclave)
    requests = [vault.open(request) for vault in conn.vaults]
    # The grace period allows a slow vault to replace a fast one with an invalid share.
    return await call_all(requests, enough=conn.network.threshold, grace=PATIENT_SECONDS)


async def _k2(conn: Connection, settled: Settle, key: HpkeKey) -> tuple[bytes, tuple[Address, ...]]:
    replies = await openings(conn, settled)
    refusals = [reply for reply in replies if isinstance(reply, SealgridError)]
    record = _key_record(conn, [reply for reply in replies if isinstance(reply, OpenReply)], settled)
    if record is None:
        raise next(iter(refusals), EvidenceRefused("open", "no vault has the enclave's key record for this file."))
    context = settled.digest(conn.domain)
    opened: dict[Address, Share | None] = {}
    for vault, reply in zip(conn.vault_addresses, replies, strict=True):
        if isinstance(reply, OpenReply):
            try:
                opened[vault] = open_share(reply.sealed, reply.index, key, context)
            except ContainerRefused:  # an invalid reply of one vault must not prevent opening with the others' shares
                opened[vault] = None
    shares = [share for share in opened.values() if share is not None]
    if len(shares) < record.t and refusals:
        raise refusals[0]
    lying_vaults = {vault for vault, share in opened.items() if share is None or mismatched_vaults([share], record)}
    return combine(shares, record), tuple(sorted(lying_vaults))


def _key_record(conn: Connection, opened: list[OpenReply], settled: Settle) -> KeyRecord | None:
    for record, signature in ((reply.record, reply.signature) for reply in opened if reply.record):
        matches = record.file_sha256 == settled.sealed_sha256 and record.vaults == conn.vault_addresses
        by_enclave = record.owner == record.asset == settled.enclave
        if matches and by_enclave and record.is_signed_by(settled.enclave, conn.domain, signature):
            return record
    return None


def _unzip(archive: bytes) -> dict[str, bytes]:
    """Return the files of a result's archive; raise InputRefused for an invalid one.

    (1) It is a readable archive of at most 10,001 regular files of at most 1 GiB together. (2) Every name is relative,
    without ``..``, portable, and at most 32 folders deep. (3) No name occurs twice, or as a file and a folder.
    """
    try:
        with open_archive(archive, MAX_FILES) as source:
            entries = source.infolist()
            whole = sum(entry.file_size for entry in entries) <= MAX_RESULT_BYTES
            if not whole or not all(map(is_regular, entries)):  # (1)
                raise InputRefused("(1) the result has other entries than regular files, or is too large.", money="")
            _check_names(entries)  # (2) (3)
            return {entry.filename: source.read(entry) for entry in entries}
    except BROKEN as error:
        raise InputRefused(f"(1) the result is not a readable archive ({type(error).__name__}).", money="") from error


def _check_names(entries: list[zipfile.ZipInfo]) -> None:
    names: set[str] = set()
    for entry in entries:
        # zipfile cuts a name at a NUL, so the original name is compared.
        fault = "holds a NUL" if entry.orig_filename != entry.filename else path_fault(entry.filename)
        if fault is None and entry.filename.count("/") > MAX_DEPTH:
            fault = f"is more than {MAX_DEPTH} folders deep"
        if fault is not None:  # (2)
            raise InputRefused(f"(2) a file of the result has a name that {fault}.", money="")
        if entry.filename in names:  # (3)
            raise InputRefused(f"(3) the result has {entry.filename!r} twice.", money="")
        names.add(entry.filename)
    folders = {name.rsplit("/", count)[0] for name in names for count in range(1, name.count("/") + 1)}
    if both := folders & names:  # (3)
        raise InputRefused(f"(3) {min(both)!r} is a file and a folder in the result.", money="")
