"""Messages between a vault and owners, enclaves or requesters, and a client (docs/protocol/release.md)."""

from msgspec import UNSET, UnsetType

from sealgrid.attestation.policy import Policy
from sealgrid.attestation.statements import InputGrant, Reassign, Release, Settle, Verdict, Withdrawal
from sealgrid.attestation.task_inputs import TaskInputProof
from sealgrid.crypto.shares import KeyRecord, Share
from sealgrid.errors import NotFound
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.units import Address, Digest, TaskId
from sealgrid.wire.iexec_sms import RegisteredResultKey
from sealgrid.wire.log import LogInclusion
from sealgrid.wire.message import Message, Transport, call
from sealgrid.wire.shares import SharePart


class VaultIdentity(Message, frozen=True, kw_only=True):
    """A vault's identity: its address, as the broker lists it, and the X25519 key that deposits are sealed to."""

    address: Address
    deposit_key: bytes  #: X25519, 32 bytes
    signature: bytes  #: of DepositKey, by ``address``
    chain: int
    hub: Address
    broker: Address
    simulated: bool  #: whether the vault accepts simulated evidence


class Evaluations(Message, frozen=True, kw_only=True):
    """The highest collateral evaluation number of each series that a vault has seen."""

    numbers: dict[Digest, int]


class DepositRequest(Message, frozen=True, kw_only=True):
    """One share of a key, sealed to one vault, under the record that its owner signed."""

    record: KeyRecord
    signature: bytes
    index: int  #: 1 … n; this vault is ``record.vaults[index - 1]``
    sealed: bytes  #: HPKE of a SharePart to the deposit key, info = the record's digest
    policy: Policy | None = None  #: for a dataset
    policy_signature: bytes = b""
    grant: InputGrant | None = None  #: for a requester's sealed input
    grant_signature: bytes = b""
    task_input: TaskInputProof | UnsetType = UNSET  #: for the sealed input of one task


class IexecDeposit(Message, frozen=True, kw_only=True):
    """One share of a key pushed through iExec's API: its owner signed the hash of a value, not the record."""

    record: KeyRecord  #: made by the SMS adapter, which split the key; version 1
    value_hash: Digest  #: keccak256 of the value as pushed: a dataset's key in base64, or an app developer's secret
    name: str = ""  #: "1" for an app developer's secret; empty for a dataset's key
    signature: bytes  #: by the owner, EIP-191 (crypto.iexec_challenge)
    index: int  #: 1 … n; this vault is ``record.vaults[index - 1]``
    sealed: bytes  #: HPKE of a SharePart to the deposit key, info = the record's digest


class DepositReply(Message, frozen=True, kw_only=True):
    """The vault's signed receipt: the share fits its commitment and is stored."""

    vault: Address
    signature: bytes  #: of DepositReceipt


class PolicyRequest(Message, frozen=True, kw_only=True):
    """A newer policy for an asset whose share is already deposited."""

    policy: Policy
    signature: bytes


class WithdrawRequest(Message, frozen=True, kw_only=True):
    """An owner's signed order to destroy the share of a key."""

    withdrawal: Withdrawal
    signature: bytes


class Authorization(Message, frozen=True, kw_only=True):
    """PoCo's authorisation: the pool owner lets this worker and enclave contribute to this task (EIP-191)."""

    task: TaskId
    worker: Address
    enclave: Address
    signature: bytes


class SignedReassign(Message, frozen=True, kw_only=True):
    """The pool's signed statement that a task moves to another enclave."""

    reassign: Reassign
    signature: bytes


class NonceRequest(Message, frozen=True, kw_only=True):
    """Request the nonce that the quote for this task must carry."""

    authorization: Authorization
    reassign: SignedReassign | None = None


class NonceReply(Message, frozen=True, kw_only=True):
    """A single-use nonce."""

    vault: Address
    nonce: bytes  #: 32 bytes
    expires: int  #: Unix seconds at the vault


class MatchedOrder(Message, frozen=True, kw_only=True):
    """The dataset order that a deal was matched from; untrusted, the vault compares it with the chain."""

    block: int  #: number of the block of the deal's OrdersMatched
    order: dict[str, str]  #: in iExec's market format (poco.orders.to_document); its signature is not checked


MAX_LIST_BYTES = 256 << 10  #: of a bulk's list of slices, and of one slice


class BulkDocuments(Message, frozen=True, kw_only=True):
    """The files that a bulk deal's params lead to; untrusted, vaults compare them with ``bulk_cid``."""

    block: int  #: number of the confirmed block at which every vault reads the hub
    root: bytes  #: JSON list of the slices' content addresses
    slice: bytes  #: JSON list of the task's dataset orders in iExec's market format


class ReleaseRequest(Message, frozen=True, kw_only=True):
    """The evidence of one task's enclave."""

    authorization: Authorization
    nonces: tuple[bytes, ...]  #: one per vault, in ascending vault order
    hpke_public: bytes
    app_digest: Digest
    quote: bytes
    collateral: bytes  #: JSON, as dcap-qvl reads it
    request: RequestDocument | None = None  #: the request order that the deal was matched from
    matched: MatchedOrder | None = None  #: for a dataset whose key was pushed through iExec's API
    result_key: RegisteredResultKey | None = None  #: for a result encrypted in iExec's format
    bulk: BulkDocuments | None = None  #: for a deal whose params name a bulk


class ReleaseReply(Message, frozen=True, kw_only=True):
    """A ReleaseAnswer, readable by the attested enclave only."""

    vault: Address
    sealed: bytes  #: HPKE of a ReleaseAnswer to hpke_public, info = report_data


class SecretShare(Message, frozen=True, kw_only=True):
    """One vault's share of one secret of the deal."""

    record: KeyRecord
    signature: bytes
    index: int
    part: SharePart

    @property
    def share(self) -> Share:
        """Return the share with its index."""
        return self.part.share(self.index)


class BulkShare(Message, frozen=True, kw_only=True):
    """One vault's share of the key of one dataset of a bulk, with its own log entry."""

    place: int  #: index of the dataset in its slice, from 0
    value: Digest  #: keccak256 of the key as its owner pushed it, in base64
    share: SecretShare
    log: LogInclusion


class ReleaseAnswer(Message, frozen=True, kw_only=True):
    """Facts that the vault read on the chain, and its shares of the secrets that follow from them."""

    facts: bytes  #: canonical Facts
    release: Release
    signature: bytes
    deposit_key: bytes
    deposit_key_signature: bytes
    shares: tuple[SecretShare, ...]
    log: LogInclusion  #: this release is an entry of the vault's log
    bulk: tuple[BulkShare, ...] = ()  #: of the datasets that the facts list and whose keys this vault has


class SettleRequest(Message, frozen=True, kw_only=True):
    """The enclave's result, bound before it can be paid."""

    settle: Settle
    signature: bytes  #: by the enclave key
    record: KeyRecord | None = None  #: of K2, signed by the enclave key; None for a direct release
    record_signature: bytes = b""
    index: int = 0
    sealed: bytes = b""  #: HPKE of a SharePart to the deposit key, info = the record's digest


class SettleReply(Message, frozen=True, kw_only=True):
    """The vault's signed Verdict, which the broker counts."""

    verdict: Verdict
    signature: bytes


class OpenRequest(Message, frozen=True, kw_only=True):
    """Request the K2 share of a task that the chain has paid for."""

    task: TaskId
    enclave: Address
    testimony: bool = False  #: whether to include the vault's testimony, for a requester without a receipt


class Testimony(Message, frozen=True, kw_only=True):
    """A vault's statements about one task; those of t vaults suffice to rebuild its receipt."""

    facts: str  #: canonical Facts
    release: Release
    release_signature: bytes
    settle: Settle
    settle_signature: bytes  #: by the enclave
    verdict: Verdict
    verdict_signature: bytes


class OpenReply(Message, frozen=True, kw_only=True):
    """What a requester needs from a vault after payment, even if the worker withholds everything."""

    vault: Address
    testimony: Testimony | None = None  #: if it was requested
    record: KeyRecord | None = None  #: of K2; None for a direct release
    signature: bytes = b""
    index: int = 0
    sealed: bytes = b""  #: HPKE of a SharePart to the result key, info = the settle's digest


class KeyVersion(Message, frozen=True, kw_only=True):
    """One version of a key of which a vault has or had a share."""

    version: int
    record: Digest  #: EIP-712 digest of its KeyRecord
    received: int  #: Unix seconds at the vault
    destroyed: int  #: Unix seconds at the vault; 0 while the share is stored


class AssetView(Message, frozen=True, kw_only=True):
    """The public state of a key of which a vault has or had a share."""

    record: KeyRecord  #: of the newest version
    signature: (
        bytes  #: by its owner; empty for text pushed through iExec's API, because the signature would confirm a guess
    )
    policy: Policy | None
    policy_signature: bytes
    history: tuple[KeyVersion, ...]  #: oldest first; only the last may still have its share
    iexec: bool = False  #: whether it was pushed through iExec's API: it has no policy, the matched order decides
    unopened: TaskId = TaskId("")  #: task whose enclave could not open the file with this key; empty if none is known
    opened: TaskId = TaskId("")  #: task whose enclave opened the file with this key; empty if none is known

    @property
    def has_share(self) -> bool:
        """Return whether the share of the newest version is stored."""
        return self.history[-1].destroyed == 0


class VaultClient:
    """Client of one vault."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    async def identity(self) -> VaultIdentity:
        """Return the vault's identity."""
        return await call(self.transport, "GET", "/identity", None, VaultIdentity)

    async def evaluations(self) -> Evaluations:
        """Return the highest collateral evaluation numbers that the vault has seen."""
        return await call(self.transport, "GET", "/evaluations", None, Evaluations)

    async def deposit(self, request: DepositRequest) -> DepositReply:
        """Deposit the vault's share of a key."""
        return await call(self.transport, "POST", "/deposits", request, DepositReply)

    async def deposit_iexec(self, request: IexecDeposit) -> DepositReply:
        """Deposit the vault's share of a key pushed through iExec's API."""
        return await call(self.transport, "POST", "/iexec/deposits", request, DepositReply)

    async def set_policy(self, request: PolicyRequest) -> AssetView:
        """Replace an asset's policy by a newer one."""
        return await call(self.transport, "POST", "/policies", request, AssetView)

    async def withdraw(self, request: WithdrawRequest) -> AssetView:
        """Destroy the vault's share of a key."""
        return await call(self.transport, "POST", "/withdrawals", request, AssetView)

    async def asset(self, asset: Address, owner: Address) -> AssetView:
        """Return record, policy and history of an owner's key of an asset."""
        return await call(self.transport, "GET", f"/assets/{asset}/{owner}", None, AssetView)

    async def find_asset(self, asset: Address, owner: Address) -> AssetView | None:
        """Return the same; None for a key that was never deposited at this vault."""
        try:
            return await self.asset(asset, owner)
        except NotFound:
            return None

    async def nonce(self, request: NonceRequest) -> NonceReply:
        """Request a nonce."""
        return await call(self.transport, "POST", "/nonces", request, NonceReply)

    async def release(self, request: ReleaseRequest) -> ReleaseReply:
        """Request the facts and shares of a task."""
        return await call(self.transport, "POST", "/releases", request, ReleaseReply)

    async def settle(self, request: SettleRequest) -> SettleReply:
        """Bind a result and return the vault's Verdict."""
        return await call(self.transport, "POST", "/settlements", request, SettleReply)

    async def open(self, request: OpenRequest) -> OpenReply:
        """Request the K2 share of a paid result."""
        return await call(self.transport, "POST", "/openings", request, OpenReply)
