"""One deal as plain data with its parties' real keys: input of a vault's checks."""

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import msgspec
import pytest

from sealgrid.attestation.binding import locked_config, report_data, runtime_identity
from sealgrid.attestation.evidence import Quote
from sealgrid.attestation.facts import Facts
from sealgrid.attestation.policy import Allowance, Platform, Policy
from sealgrid.attestation.simulated import SimulatedQuoter
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.attestation.statements import InputGrant, Reassign, Settle, poco_authorisation
from sealgrid.chain.views import (
    ContributionStatus,
    ContributionView,
    DealView,
    ResourceView,
    TaskStatus,
    TaskView,
)
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.shares import KeyRecord, Share, record_from_shares, split
from sealgrid.crypto.signing import SigningKey, personal_digest
from sealgrid.errors import CheckFailed
from sealgrid.poco.ids import deal_id, task_id
from sealgrid.poco.orders import RequestOrder
from sealgrid.poco.typed_data import order_hash, sign_order
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.units import ZERO_ADDRESS, ZERO_DIGEST, Address, Digest, to_address, to_digest
from sealgrid.vault.chain.snapshot import AppOnChain, ChainSnapshot, DatasetOnChain
from sealgrid.vault.checks.deposit import StoredShare, input_asset
from sealgrid.vault.checks.entitlement import StoredKeys, check_params, entitle
from sealgrid.vault.checks.nonce import EnclaveAttempt
from sealgrid.vault.checks.owner_terms import DatasetUses
from sealgrid.vault.checks.release import TrustedRoots, VerifiedEnclave, check_evidence
from sealgrid.vault.checks.settle import ReleaseRecord, ResultShare, SettleRecord, make_verdict, release_record
from sealgrid.vault.federation import VaultFederation
from sealgrid.vault.handlers.release_response import make_facts
from sealgrid.vault.keys import ShareEncryption
from sealgrid.wire.shares import seal_share
from sealgrid.wire.vault import (
    Authorization,
    DepositRequest,
    NonceRequest,
    ReleaseRequest,
    SettleRequest,
    SignedReassign,
)

NOW = 1_800_000_000
DEADLINE = NOW + 2100
CHAIN = 31337
HUB = to_address(b"\x01" * 20)
BROKER = to_address(b"\x02" * 20)
APP = to_address(b"\x03" * 20)
DATASET = to_address(b"\x04" * 20)
POOL = to_address(b"\x05" * 20)
APP_DIGEST = to_digest(b"\x06" * 32)
MODEL = to_digest(b"\x07" * 32)
PICTURE = to_digest(b"\x08" * 32)


_NONCES = iter(i.to_bytes(12, "big") for i in range(1_000_000))
AT_REST = ShareEncryption(b"\x33" * 32, lambda _: next(_NONCES))


def number_of(call: Any, *args: Any, **named: Any) -> str:
    """Return the number of the check that refuses a call."""
    with pytest.raises(CheckFailed) as caught:
        call(*args, **named)
    return caught.value.check


def key(name: str) -> SigningKey:
    return SigningKey.from_bytes(name.encode().rjust(32, b"\1"))


OWNER, REQUESTER, POOL_OWNER = key("owner"), key("requester"), key("pool owner")
DEVELOPER = key("developer")
WORKER, ENCLAVE, STRANGER = key("worker"), key("enclave"), key("stranger")
VAULTS = sorted((key(f"vault {i}") for i in range(3)), key=lambda each: each.address)
DEPOSIT_KEY = HpkeKey.from_bytes(b"\x11" * 32)
RESULT_KEY = HpkeKey.from_bytes(b"\x12" * 32)
FEDERATION = VaultFederation(CHAIN, HUB, BROKER, 2, tuple(vault.address for vault in VAULTS), VAULTS[0].address)
DOMAIN = FEDERATION.domain


def params(**changes: Any) -> str:
    ours = {"inputs": [PICTURE], "result_key": "0x" + RESULT_KEY.public.hex()} | changes
    return msgspec.json.encode({"sealgrid": ours}).decode()


def ordered(**changes: Any) -> RequestOrder:
    """The order of the scene's deal, signed by its requester."""
    usual = {
        "app": APP,
        "dataset": DATASET,
        "requester": REQUESTER.address,
        "beneficiary": REQUESTER.address,
        "tag": to_digest((9).to_bytes(32, "big")),
        "params": params(),
    }
    return sign_order(RequestOrder(**usual | changes), FEDERATION.order_domain, REQUESTER)


ORDER = ordered()
REQUEST = order_hash(ORDER, FEDERATION.order_domain)
DEAL = deal_id(REQUEST, 0)
TASK = task_id(DEAL, 0)


def deal(**changes: Any) -> DealView:
    usual = {
        "deal": DEAL,
        "app": ResourceView(APP, DEVELOPER.address, 1),
        "dataset": ResourceView(DATASET, OWNER.address, 5),
        "workerpool": ResourceView(POOL, POOL_OWNER.address, 3),
        "trust": 1,
        "category": 0,
        "tag": to_digest((9).to_bytes(32, "big")),
        "requester": REQUESTER.address,
        "beneficiary": REQUESTER.address,
        "callback": ZERO_ADDRESS,
        "params": params(),
        "start_time": NOW,
        "bot_first": 0,
        "bot_size": 1,
        "worker_stake": 0,
        "scheduler_reward_ratio": 1,
        "sponsor": REQUESTER.address,
    }
    return DealView(**usual | changes)


def task(**changes: Any) -> TaskView:
    usual = {
        "status": TaskStatus.ACTIVE,
        "deal": DEAL,
        "index": 0,
        "timeref": 300,
        "contribution_deadline": DEADLINE,
        "reveal_deadline": 0,
        "final_deadline": NOW + 3000,
        "consensus_value": ZERO_DIGEST,
        "reveal_counter": 0,
        "winner_counter": 0,
        "contributors": (),
        "result_digest": ZERO_DIGEST,
        "results": b"",
        "results_callback": b"",
    }
    return TaskView(**usual | changes)


SNAPSHOT = ChainSnapshot(
    block=7,
    block_hash=to_digest(b"\x0a" * 32),
    time=NOW,
    broker=BROKER,
    vault_set=FEDERATION.vault_set,
    pool_signer=POOL_OWNER.address,
    task_id=TASK,
    task=task(),
    deal=deal(),
    app_checksum=APP_DIGEST,
    app_owner=DEVELOPER.address,
    dataset=DatasetOnChain(DATASET, OWNER.address, MODEL),
    runtime_allowed=True,
)


def snapshot(**changes: Any) -> ChainSnapshot:
    """The usual chain, with changes to it, to ``task`` or to ``deal``."""
    return replace(SNAPSHOT, **changes)


def contribution(**changes: Any) -> ContributionView:
    usual = {
        "status": ContributionStatus.PROVED,
        "result_hash": ZERO_DIGEST,
        "result_seal": ZERO_DIGEST,
        "enclave": ENCLAVE.address,
        "weight": 0,
    }
    return ContributionView(**usual | changes)


def authorization(enclave: SigningKey = ENCLAVE, by: SigningKey = POOL_OWNER, **changes: Any) -> Authorization:
    fields = {"task": TASK, "worker": WORKER.address, "enclave": enclave.address} | changes
    signature = by.sign(personal_digest(poco_authorisation(fields["worker"], fields["task"], fields["enclave"])))
    return Authorization(**fields, signature=signature)


def reassign(attempt: int, enclave: SigningKey, by: SigningKey = POOL_OWNER, **changes: Any) -> SignedReassign:
    fields = {"task": TASK, "attempt": attempt, "worker": WORKER.address, "enclave": enclave.address} | changes
    statement = Reassign(**fields)
    return SignedReassign(reassign=statement, signature=statement.sign(DOMAIN, by))


def ask(enclave: SigningKey = ENCLAVE, again: SignedReassign | None = None, **changes: Any) -> NonceRequest:
    return NonceRequest(authorization=authorization(enclave, **changes), reassign=again)


ATTEMPT = EnclaveAttempt(TASK, 1, WORKER.address, ENCLAVE.address)


@dataclass(frozen=True)
class Split:
    """A key, split and recorded by its owner."""

    owner: SigningKey = OWNER
    asset: Address = DATASET
    file_sha256: Digest = MODEL
    version: int = 1
    dek: bytes = field(default=b"\x21" * 32, repr=False)
    hub: Address = HUB
    vaults: tuple[Address, ...] = FEDERATION.vaults
    threshold: int = 2

    @cached_property
    def shares(self) -> tuple[Share, ...]:
        return split(self.dek, len(self.vaults), self.threshold)

    @cached_property
    def record(self) -> KeyRecord:
        return record_from_shares(
            hub=self.hub,
            asset=self.asset,
            owner=self.owner.address,
            version=self.version,
            file_sha256=self.file_sha256,
            t=self.threshold,
            vaults=self.vaults,
            shares=self.shares,
        )

    @cached_property
    def signature(self) -> bytes:
        return self.record.sign(DOMAIN, self.owner)

    def sealed(self, share: Share | None = None, record: KeyRecord | None = None) -> bytes:
        chosen, context = share or self.shares[0], (record or self.record).digest(DOMAIN)
        return seal_share(chosen, DEPOSIT_KEY.public, context)

    def stored_share(self, kind: Any = "dataset") -> StoredShare:
        return StoredShare(kind, self.record, to_digest(self.record.digest(DOMAIN)), self.signature, self.shares[0])

    def deposit(self, **changes: Any) -> DepositRequest:
        usual = {"record": self.record, "signature": self.signature, "index": 1, "sealed": self.sealed()}
        return DepositRequest(**usual | changes)


MODEL_KEY = Split()
DEVELOPER_SECRET = to_digest(b"\x0e" * 32)
DEVELOPER_KEY = Split(owner=DEVELOPER, asset=APP, file_sha256=DEVELOPER_SECRET)
APP_ON_CHAIN = AppOnChain(APP, DEVELOPER.address)
PICTURE_KEY = Split(owner=REQUESTER, asset=input_asset(PICTURE), file_sha256=PICTURE)


def grant(by: SigningKey = REQUESTER, **changes: Any) -> tuple[InputGrant, bytes]:
    fields = {"owner": REQUESTER.address, "file_sha256": PICTURE, "app": APP_DIGEST, "request": REQUEST} | changes
    statement = InputGrant(**fields)
    return statement, statement.sign(DOMAIN, by)


def granted_deposit(by: SigningKey = REQUESTER, key: Split = PICTURE_KEY, **changes: Any) -> DepositRequest:
    statement, signature = grant(by, **changes)
    return key.deposit(grant=statement, grant_signature=signature)


MRTD = b"\x0b" * 48
RUNTIME = runtime_identity(Platform.SIMULATED, [MRTD])
MACHINE = SimulatedQuoter(SimulatedPlatformKeys.generate(NOW), now=NOW)
NONCES = tuple(bytes([i]) * 32 for i in (0x41, 0x42, 0x43))
HPKE = HpkeKey.from_bytes(b"\x13" * 32)


def report(**changes: Any) -> bytes:
    usual = {
        "chain": CHAIN,
        "hub": HUB,
        "task": TASK,
        "worker": WORKER.address,
        "app_digest": APP_DIGEST,
        "enclave": ENCLAVE.address,
        "hpke_public": HPKE.public,
        "vault_set": FEDERATION.vault_set,
        "nonces": NONCES,
    }
    return report_data(**usual | changes)


def evidence(machine: SimulatedQuoter = MACHINE, *, locked: bytes | None = None, **changes: Any) -> Quote:
    """A quote of the scene's enclave; ``changes`` go into its report data."""
    return machine.quote(MRTD, locked_config(APP_DIGEST) if locked is None else locked, report(**changes))


def release_request(quote: Quote | None = None, **changes: Any) -> ReleaseRequest:
    quote = quote or evidence()
    usual = {
        "authorization": authorization(),
        "nonces": NONCES,
        "hpke_public": HPKE.public,
        "app_digest": APP_DIGEST,
        "quote": quote.raw,
        "collateral": quote.collateral.raw,
        "request": RequestDocument.of(ORDER),
    }
    return ReleaseRequest(**usual | changes)


@lru_cache
def attested() -> VerifiedEnclave:
    """The scene's enclave, its real quote verified."""
    trusted = TrustedRoots((MACHINE.trust_root,), {}, simulated=True)
    return check_evidence(release_request(), ATTEMPT, federation=FEDERATION, trusted=trusted, at=NOW)


def allowance(**changes: Any) -> Allowance:
    usual = {
        "app": APP_DIGEST,
        "runtime": RUNTIME,
        "platform": Platform.SIMULATED,
        "output_bytes": 1 << 20,
        "callback": False,
    }
    return Allowance(**usual | changes)


def policy(**changes: Any) -> Policy:
    usual = {
        "asset": DATASET,
        "owner": OWNER.address,
        "version": 1,
        "expiry": NOW + 10_000,
        "allowed": (allowance(),),
        "uses_per_requester_hour": 2,
    }
    return Policy(**usual | changes)


STORED_KEYS = StoredKeys(
    dataset=MODEL_KEY.stored_share(),
    policy=policy(),
    uses=DatasetUses(),
    inputs={PICTURE: (PICTURE_KEY.stored_share("input"), (grant()[0],))},
)


def facts(chain: ChainSnapshot = SNAPSHOT, keys: StoredKeys = STORED_KEYS) -> Facts:
    granted = entitle(attested(), chain, check_params(chain.deal), keys, at=NOW)
    return make_facts(attested(), chain, granted, FEDERATION, signature="eoa")


def released(**changes: Any) -> ReleaseRecord:
    return replace(release_record(attested(), facts(), NOW), **changes)


SEALED = to_digest(b"\x51" * 32)
K2 = Split(owner=ENCLAVE, asset=ENCLAVE.address, file_sha256=SEALED, dek=b"\x22" * 32)


def settle(**changes: Any) -> Settle:
    usual = {
        "task": TASK,
        "worker": WORKER.address,
        "enclave": ENCLAVE.address,
        "result_digest": to_digest(b"\x52" * 32),
        "sealed_sha256": SEALED,
        "receipt_sha256": to_digest(b"\x53" * 32),
    }
    return Settle(**usual | changes)


def settle_request(
    statement: Settle | None = None, by: SigningKey = ENCLAVE, k2: Split = K2, **changes: Any
) -> SettleRequest:
    statement = statement or settle()
    usual = {
        "settle": statement,
        "signature": statement.sign(DOMAIN, by),
        "record": k2.record,
        "record_signature": k2.signature,
        "index": 1,
        "sealed": k2.sealed(),
    }
    return SettleRequest(**usual | changes)


def settled(**changes: Any) -> SettleRecord:
    statement = settle()
    usual = {
        "settle": statement,
        "signature": statement.sign(DOMAIN, ENCLAVE),
        "verdict": make_verdict(statement, released(), FEDERATION.vault_set, NOW),
        "at": NOW,
        "result_share": ResultShare(K2.record, K2.signature, K2.shares[0]),
    }
    return SettleRecord(**usual | changes)


def flipped(data: bytes, at: int = 0) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
