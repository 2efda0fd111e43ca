"""A receipt is found whatever the paid worker links; a requester accepts it only with the order that it signed."""

from types import SimpleNamespace

import pytest

from sealgrid.chain.views import ContributionStatus
from sealgrid.crypto.digests import canonical, cid_of, sha256
from sealgrid.errors import NotFound, ReceiptRefused
from sealgrid.poco.typed_data import sign_order
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.receipts.verify import verify
from sealgrid.sdk.operations import fetch_receipt as operation
from sealgrid.sdk.operations.fetch_receipt import check_own, fetch_receipt
from sealgrid.units import to_digest
from sealgrid.wire import vault as wire
from tests.unit.receipts.receipt_scene import (
    BUYER,
    DOMAIN,
    ENCLAVE,
    ORDER,
    ORDERS,
    PINS,
    SIGNED,
    STRANGER,
    VAULTS,
    Job,
    alter,
)


class PaidTask:
    """Chain, storage and vaults after a job was paid; its worker linked this receipt."""

    def __init__(self, job, linked, answering=VAULTS):
        self.job, self.answering = job, answering
        self.files = {to_digest(sha256(each)): each for each in (linked, job.receipt.encode())}
        self.results = canonical({"receipt": f"/ipfs/{cid_of(to_digest(sha256(linked)))}"})
        self.hub = self.storage = self
        self.domain, self.vault_addresses, self.network = DOMAIN, VAULTS, None
        self.vaults = [SimpleNamespace(open=lambda _, vault=vault: self.open(vault)) for vault in VAULTS]

    async def view_task(self, _):
        return SimpleNamespace(results=self.results, contributors=(self.job.settle.worker,))

    async def view_contribution(self, _task, _worker):
        return SimpleNamespace(status=ContributionStatus.PROVED, enclave=ENCLAVE.address)

    async def get_bytes(self, sha256, _limit):
        return self.files[sha256]

    async def open(self, vault):
        if vault not in self.answering or vault not in self.job.releases:
            raise NotFound("this vault has no such result.")
        released, judged = self.job.releases[vault], self.job.verdicts[vault]
        testimony = wire.Testimony(
            facts=self.job.facts.encode().decode(),
            release=released.release,
            release_signature=released.signature,
            settle=self.job.settle,
            settle_signature=self.job.settle.sign(DOMAIN, ENCLAVE),
            verdict=judged.verdict,
            verdict_signature=judged.signature,
        )
        return wire.OpenReply(vault=vault, testimony=testimony)


def invented_facts(job):
    return job.encode(facts=alter(job.facts, {"pool": ORDER.app}).encode().decode())


def no_verdicts(job):
    return job.encode(verdicts={})


@pytest.fixture(autouse=True)
def _pins(monkeypatch):
    monkeypatch.setattr(operation, "pins_of", lambda _: PINS)


async def test_a_linked_receipt_that_verifies_is_taken_without_a_vault():
    job = Job()
    assert await fetch_receipt(PaidTask(job, job.encode(), answering=()), job.facts.task) == job.encode()


@pytest.mark.parametrize("linked", [invented_facts, no_verdicts, lambda _: b"no receipt"])
async def test_a_receipt_of_the_paid_enclave_that_does_not_verify_is_rebuilt(linked):
    job = Job()
    found = await fetch_receipt(PaidTask(job, linked(job)), job.facts.task)
    assert verify(found, PINS).ok


async def test_a_receipt_of_the_paid_enclave_is_returned_where_the_vaults_are_gone():
    job = Job()
    linked = no_verdicts(job)
    assert await fetch_receipt(PaidTask(job, linked, answering=()), job.facts.task) == linked


def test_a_receipt_with_the_signed_order_is_accepted():
    check_own(Job().envelope(), SIGNED, ORDERS)


@pytest.mark.parametrize("kind", ["presigned", "contract"])
def test_20_the_vaults_statement_does_not_replace_the_requesters_signature(kind):
    with pytest.raises(ReceiptRefused, match="only the vaults' statement") as caught:
        check_own(Job(signature=kind).envelope(), SIGNED, ORDERS)
    assert caught.value.check == "20"


def test_20_a_receipt_of_another_order_is_refused_for_every_signer():
    other = alter(ORDER, {"volume": 8})
    for shown in (other, sign_order(other, ORDERS, BUYER), sign_order(other, ORDERS, STRANGER)):
        with pytest.raises(ReceiptRefused, match="another order"):
            check_own(Job(body={"request": RequestDocument.of(shown)}).envelope(), SIGNED, ORDERS)


@pytest.mark.parametrize("sign", [b"", b"what only a contract understands"])
def test_an_order_that_was_signed_elsewhere_is_compared_and_its_signature_is_not(sign):
    check_own(Job(signature="contract").envelope(), alter(ORDER, {"sign": sign}), ORDERS)
