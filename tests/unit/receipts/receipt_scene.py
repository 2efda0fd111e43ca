"""One finished job with real keys, a real quote and real signatures; every part can be changed before it is signed."""

from dataclasses import replace

import msgspec
import pytest

from sealgrid.attestation import binding
from sealgrid.attestation.facts import AppFact, DatasetFact, Facts, SecretFact, secrets_digest
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.simulated import SimulatedQuoter
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.attestation.statements import Release, Settle, Verdict
from sealgrid.attestation.vault_log import entry_of, head_of
from sealgrid.crypto.digests import canonical, sha256
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.merkle import MerkleFrontier, leaf_hash
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import ReceiptRefused
from sealgrid.poco.ids import deal_id, task_id
from sealgrid.poco.orders import RequestOrder
from sealgrid.poco.typed_data import OrderDomain, order_hash, sign_order
from sealgrid.receipts.deferred_callback import DeferredCallback
from sealgrid.receipts.receipt import (
    EnclaveReport,
    LogProof,
    SignedRelease,
    SignedVerdict,
    build_body,
    build_envelope,
    sign_body,
)
from sealgrid.receipts.report import ChainEvidence, TrustPins
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.receipts.verify import verify
from sealgrid.units import ZERO_ADDRESS, to_address, to_digest

NOW = 1_790_000_000
EXPIRY = NOW + 300
MRTD = bytes(range(48))
CALLED_BACK = b"what the chain calls back with"
RUNTIME = binding.runtime_identity(Platform.SIMULATED, [MRTD])
HUB, BROKER, POOL, WORKER = (to_address(bytes([n]) * 20) for n in range(1, 5))
APP, CHECKSUM, RECORD, RESULT, INPUT = (to_digest(bytes([n]) * 32) for n in range(0x12, 0x17))
BUYER = SigningKey.from_bytes(b"\x05" * 32)
REQUESTER = BUYER.address
RESULT_KEY = to_digest(b"\x34" * 32)
PARAMS = canonical({"sealgrid": {"inputs": [INPUT], "result_key": RESULT_KEY}}).decode()
DOMAIN = Domain(chain=31337, broker=BROKER)
VAULT_KEYS = sorted((SigningKey.from_bytes(bytes([n]) * 32) for n in (1, 2, 3)), key=lambda key: key.address)
VAULTS = tuple(key.address for key in VAULT_KEYS)
VAULT_SET = binding.vault_set(chain=31337, hub=HUB, broker=BROKER, t=2, vaults=VAULTS)
NONCES = tuple(bytes([n]) * 32 for n in (0xA1, 0xA2, 0xA3))
ENCLAVE, HPKE = SigningKey.from_bytes(b"\x09" * 32), HpkeKey.from_bytes(b"\x0a" * 32)
MACHINE = SimulatedQuoter(SimulatedPlatformKeys.generate(NOW), now=NOW)
PINS = TrustPins(
    chain=31337,
    hub=HUB,
    broker=BROKER,
    vaults=VAULTS,
    t=2,
    roots=(replace(MACHINE.trust_root, minimum_eval_number=17),),
    runtimes=frozenset({RUNTIME}),
    allow_simulated=True,
)
ORDERS = OrderDomain(chain=31337, hub=HUB)
ORDER = RequestOrder(
    app=to_address(b"\x31" * 20),
    appmaxprice=3,
    dataset=to_address(b"\x32" * 20),
    datasetmaxprice=2**255,
    requester=REQUESTER,
    beneficiary=REQUESTER,
    volume=9,
    tag=to_digest((9).to_bytes(32, "big")),
    params=PARAMS,
    salt=to_digest(b"\x35" * 32),
)
SIGNED = sign_order(ORDER, ORDERS, BUYER)
OTHER_SIGNED = sign_order(msgspec.structs.replace(ORDER, volume=8), ORDERS, BUYER)
FIRST, PLACE = 5, 7  #: indices of the deal's first task and of this one
DEAL = deal_id(order_hash(ORDER, ORDERS), FIRST)
FACTS = Facts(
    chain=31337,
    hub=HUB,
    broker=BROKER,
    deal=DEAL,
    task=task_id(DEAL, PLACE),
    index=PLACE,
    bot_first=FIRST,
    bot_size=4,
    pool=POOL,
    worker=WORKER,
    enclave=ENCLAVE.address,
    attempt=1,
    app=AppFact(address=to_address(b"\x31" * 20), digest=APP),
    dataset=DatasetFact(address=to_address(b"\x32" * 20), owner=to_address(b"\x33" * 20), checksum=CHECKSUM),
    secrets=(SecretFact(kind="dataset", record=RECORD, file_sha256=CHECKSUM),),
    requester=REQUESTER,
    requester_signature="eoa",
    beneficiary=REQUESTER,
    result_key=RESULT_KEY,
    params=PARAMS,
    inputs=(INPUT,),
    callback=ZERO_ADDRESS,
    quorum=2,
    release="escrow",
    output_bytes=1 << 20,
    expiry=EXPIRY,
)

OTHER = to_digest(b"\xee" * 32)
NOBODY = to_address(b"\xee" * 20)
DEFERRED = {"params": '{"sealgrid":{"callback":"deferred","result_key":"0x' + "34" * 32 + '"}}'}
COMMITMENT = DeferredCallback(b"score 97", b"\x5a" * 32).commitment()


def alter(struct, changes):
    return msgspec.structs.replace(struct, **changes)


class Job:
    """A job whose signers all sign the changed fields; each change is a dict of fields."""

    def __init__(
        self,
        *,
        facts=None,
        quoted=None,
        body=None,
        settle=None,
        release=None,
        verdict=None,
        quoter=MACHINE,
        config=None,
        mrtd=MRTD,
        callback=None,
        order=None,
        signature="eoa",
        released_by=VAULT_KEYS[:2],
        judged_by=VAULT_KEYS[:2],
    ):
        self.order = SIGNED if order is None else sign_order(alter(ORDER, order), ORDERS, BUYER)
        if signature != "eoa":
            self.order = alter(self.order, {"sign": b""})
        deal = deal_id(order_hash(self.order, ORDERS), FIRST)
        ids = {"deal": deal, "task": task_id(deal, PLACE), "requester_signature": signature}
        self.facts = alter(FACTS, ids | (facts or {}))
        self.report_data = self._report_data(quoted or {})
        self.quote = quoter.quote(mrtd, binding.locked_config(APP) if config is None else config, self.report_data)
        self.receipt = sign_body(alter(self._body(callback), body or {}), DOMAIN, ENCLAVE)
        self.settle = alter(self._settle(), settle or {})
        self.releases = {key.address: self._release(key, release or {}) for key in released_by}
        self.verdicts = {key.address: self.verdict_by(key, verdict or {}) for key in judged_by}

    def envelope(self, **changes):
        """The whole receipt; ``changes`` go into the envelope after everything was signed."""
        whole = build_envelope(
            receipt=self.receipt,
            facts=self.facts.encode(),
            releases=self.releases,
            settle=self.settle,
            settle_signature=self.settle.sign(DOMAIN, ENCLAVE),
            verdicts=self.verdicts,
        )
        return alter(whole, changes)

    def encode(self, **changes):
        return self.envelope(**changes).encode()

    def onchain(self, **changes):
        body = self.receipt.body
        evidence = ChainEvidence(
            broker=BROKER,
            pool_owner=REQUESTER,
            completed=True,
            result_digest=self.settle.result_digest,
            proved=True,
            worker=body.worker,
            enclave_challenge=body.enclave,
            app_checksum=APP,
            dataset_checksum=CHECKSUM,
            pool=POOL,
            sealed_sha256=RESULT,
            receipt_sha256=self.receipt.sha256(),
        )
        return ChainEvidence(**{**{name: getattr(evidence, name) for name in ChainEvidence.__slots__}, **changes})

    def _report_data(self, changes):
        parts = {
            "chain": 31337,
            "hub": HUB,
            "task": self.facts.task,
            "worker": self.facts.worker,
            "app_digest": APP,
            "enclave": self.facts.enclave,
            "hpke_public": HPKE.public,
            "vault_set": VAULT_SET,
            "nonces": NONCES,
        }
        return binding.report_data(**{**parts, **changes})

    def _body(self, callback):
        report = EnclaveReport(
            t=2,
            vaults=VAULTS,
            nonces=NONCES,
            hpke_public=HPKE.public,
            platform=Platform.SIMULATED,
            runtime=RUNTIME,
            quote=self.quote.raw,
            collateral=self.quote.collateral.raw,
            exit_class="ok",
            result_sha256=RESULT,
            started=NOW - 9,
            finished=NOW - 1,
            callback=callback,
        )
        return build_body(self.facts, RequestDocument.of(self.order), report)

    def _settle(self):
        body = self.receipt.body
        return Settle(
            task=body.task,
            worker=body.worker,
            enclave=body.enclave,
            result_digest=body.result_digest,
            sealed_sha256=body.result_sha256,
            receipt_sha256=self.receipt.sha256(),
        )

    def _release(self, key, changes):
        release = Release(
            session=binding.session(self.report_data),
            facts=to_digest(sha256(self.facts.encode())),
            secrets=secrets_digest(self.facts),
            issued=NOW - 10,
        )
        release = alter(release, changes)
        return SignedRelease(release=release, signature=release.sign(DOMAIN, key), log=self.logged_by(key, release))

    def logged_by(self, key, release, facts=None, bulk=None):
        """The proof that a release, or that of one dataset of its bulk, is the third of its vault's log."""
        logged = entry_of(facts or self.facts, release.session, policy=1, block=7, time=release.issued, bulk=bulk)
        entry = logged.encode()
        earlier, _ = MerkleFrontier().append(leaf_hash(b"first"))
        earlier, _ = earlier.append(leaf_hash(b"second"))
        log, _ = earlier.append(leaf_hash(entry))
        head = head_of(key.address, log.size, log.root, release.issued)
        return LogProof(
            head=head,
            signature=head.sign(DOMAIN, key),
            entry=entry.decode(),
            index=2,
            path=tuple(map(to_digest, earlier.next_inclusion_path())),
        )

    def verdict_by(self, key, changes):
        body = self.receipt.body
        verdict = Verdict(
            task=body.task,
            worker=body.worker,
            enclave=body.enclave,
            app=body.app.digest,
            runtime=body.runtime,
            platform=body.platform,
            vault_set=VAULT_SET,
            session=binding.session(self.report_data),
            settle=to_digest(self.settle.struct_hash()),
            issued=NOW,
            expiry=EXPIRY,
        )
        verdict = alter(verdict, changes)
        return SignedVerdict(verdict=verdict, signature=verdict.sign(DOMAIN, key))


STRANGER = SigningKey.from_bytes(b"\x77" * 32)
OTHER_MACHINE = SimulatedQuoter(SimulatedPlatformKeys.generate(NOW), now=NOW)
EXPIRED_MACHINE = SimulatedQuoter(SimulatedPlatformKeys.generate(NOW - 90 * 86400), now=NOW - 90 * 86400)


def params_for(key):
    return canonical({"sealgrid": {"result_key": key}}).decode()


def refused(number, document, pins=PINS, onchain=None):
    report = verify(document, pins, onchain)
    assert not report.ok
    assert report.failed.number == number, report.failed
    index = [check.number for check in report.checks].index(number)
    assert all(check.ok for check in report.checks[:index])
    assert not any(check.ok for check in report.checks[index:])
    with pytest.raises(ReceiptRefused) as caught:
        report.require()
    assert caught.value.check == str(number)
    return report.failed.detail
