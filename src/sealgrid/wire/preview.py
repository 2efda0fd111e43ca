"""``POST /releases/preview``: ask a vault what it would say to a release, before the deal or about a task."""

from dataclasses import dataclass

from sealgrid.attestation.statements import Preview
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.signing import Domain
from sealgrid.errors import EvidenceRefused
from sealgrid.units import ZERO_ADDRESS, Address, Digest, TaskId, to_digest
from sealgrid.wire.iexec_sms import RegisteredResultKey
from sealgrid.wire.message import Message, Transport, encode, parse
from sealgrid.wire.vault import BulkDocuments, MatchedOrder

PATH = "/releases/preview"


class OfferedMachine(Message, frozen=True, kw_only=True):
    """A kind of machine that a pool says it has."""

    runtime: Digest
    platform: int


class Proposal(Message, frozen=True, kw_only=True):
    """A deal that nobody has made yet, as the four orders would make it."""

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
    dataset_order: dict[str, str] | None = None  #: as iExec's market spells it; for a key that came by iExec's route


class PreviewRequest(Message, frozen=True, kw_only=True):
    """Either a task that the chain knows, or a proposal; what else a release would be shown, where it is known."""

    task: TaskId | None = None
    proposal: Proposal | None = None
    machines: tuple[OfferedMachine, ...] = ()  #: that the deal's pool says it has
    matched: MatchedOrder | None = None
    result_key: RegisteredResultKey | None = None
    bulk: BulkDocuments | None = None


class MachineRule(Message, frozen=True, kw_only=True):
    """A rule about machines that only an enclave's evidence can meet."""

    check: str
    rule: str
    advertised: bool | None = None  #: whether a machine that the pool says it has meets it; None: nobody can tell


class PreviewReply(Message, frozen=True, kw_only=True):
    """A vault's signed word; it holds for the state of that moment."""

    vault: Address
    preview: Preview
    signature: bytes
    sentence: str = ""  #: why it refuses
    machines: tuple[MachineRule, ...] = ()


@dataclass(frozen=True, slots=True)
class VaultOpinion:
    """What one vault would say to a release, its signature verified."""

    vault: Address
    check: str  #: empty where it would release
    of_deal: bool
    settles: bool  #: whether an enclave may settle the task by this refusal
    sentence: str
    machines: tuple[MachineRule, ...]


async def preview(transport: Transport, request: PreviewRequest, vault: Address, domain: Domain) -> VaultOpinion:
    """Ask one vault; raise EvidenceRefused unless it signed this very answer."""
    body = encode(request)
    reply = parse(await transport.request("POST", PATH, body), PreviewReply)
    said = reply.preview
    if said.question != question_of(body) or not said.is_signed_by(vault, domain, reply.signature):
        raise EvidenceRefused("preview", f"the preview in the name of vault {vault} is not signed by it.")
    return VaultOpinion(vault, said.check, said.of_deal, said.settles, reply.sentence, reply.machines)


def question_of(body: bytes) -> Digest:
    """Return what a preview's statement calls the request that it answers."""
    return to_digest(sha256(body))
