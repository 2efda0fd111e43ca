"""``POST /releases/preview``: request a vault's decision about a release, before the deal or for a task."""

from dataclasses import dataclass

from sealgrid.attestation.statements import Preview
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.signing import Domain
from sealgrid.errors import EvidenceRefused
from sealgrid.units import ZERO_ADDRESS, Address, Digest, TaskId, to_digest
from sealgrid.wire.iexec_sms import RegisteredResultKey
from sealgrid.wire.message import Message, Transport, encode, parse
from sealgrid.wire.vault import BulkDocuments, MatchedOrder

PREVIEW_PATH = "/releases/preview"


class OfferedMachine(Message, frozen=True, kw_only=True):
    """A kind of machine that a pool advertises."""

    runtime: Digest
    platform: int


class Proposal(Message, frozen=True, kw_only=True):
    """A deal that is not made yet, as its four orders would make it."""

    app: Address
    workerpool: Address
    requester: Address
    beneficiary: Address
    params: str
    tag: Digest
    request: Digest  #: hash of the request order
    dataset: Address = ZERO_ADDRESS
    callback: Address = ZERO_ADDRESS
    trust: int = 0
    tasks: int = 1  #: volume; the preview is about the last of them
    dataset_order: dict[str, str] | None = None  #: in iExec's market format; for a key pushed through iExec's API


class PreviewRequest(Message, frozen=True, kw_only=True):
    """Either a task on the chain or a proposal, with the documents that a release would include, if known."""

    task: TaskId | None = None
    proposal: Proposal | None = None
    machines: tuple[OfferedMachine, ...] = ()  #: advertised by the deal's pool
    matched: MatchedOrder | None = None
    result_key: RegisteredResultKey | None = None
    bulk: BulkDocuments | None = None


class MachineRule(Message, frozen=True, kw_only=True):
    """A rule about machines, which the release checks by the enclave's evidence."""

    check: str
    rule: str
    advertised: bool | None = None  #: whether an advertised machine meets it; None if unknown


class PreviewReply(Message, frozen=True, kw_only=True):
    """A vault's signed preview, valid for its state at that moment."""

    vault: Address
    preview: Preview
    signature: bytes
    sentence: str = ""  #: why it refuses
    machines: tuple[MachineRule, ...] = ()


@dataclass(frozen=True, slots=True)
class VaultOpinion:
    """One vault's preview of a release, with its signature verified."""

    vault: Address
    check: str  #: number of the failed check; empty if the vault would release
    of_deal: bool
    settles: bool  #: whether an enclave may settle the task with this refusal
    sentence: str
    machines: tuple[MachineRule, ...]


async def preview(transport: Transport, request: PreviewRequest, vault: Address, domain: Domain) -> VaultOpinion:
    """Request a preview from one vault; raise EvidenceRefused unless it signed the reply to this request."""
    body = encode(request)
    reply = parse(await transport.request("POST", PREVIEW_PATH, body), PreviewReply)
    statement = reply.preview
    if statement.question != request_digest(body) or not statement.is_signed_by(vault, domain, reply.signature):
        raise EvidenceRefused("preview", f"the preview in the name of vault {vault} is not signed by it.")
    return VaultOpinion(vault, statement.check, statement.of_deal, statement.settles, reply.sentence, reply.machines)


def request_digest(body: bytes) -> Digest:
    """Return the digest by which a preview names its request."""
    return to_digest(sha256(body))
