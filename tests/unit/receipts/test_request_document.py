"""Check (20): the requester's order."""

import msgspec
import pytest

from sealgrid.attestation.facts import BulkFact
from sealgrid.attestation.task_inputs import TaskInputTree
from sealgrid.crypto.digests import canonical
from sealgrid.poco.typed_data import sign_order
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.receipts.verify import verify
from sealgrid.units import to_digest
from tests.unit.receipts.receipt_scene import (
    BUYER,
    CALLED_BACK,
    FACTS,
    NOBODY,
    ORDER,
    ORDERS,
    OTHER,
    PINS,
    PLACE,
    REQUESTER,
    RESULT_KEY,
    SIGNED,
    STRANGER,
    Job,
    alter,
    params_for,
    refused,
)


def test_20_reports_who_vouches_for_the_requesters_signature():
    own = verify(Job().encode(), PINS).checks[-1]
    assert (own.number, own.ok, own.detail) == (20, True, f"requester {REQUESTER}; the requester's own signature")
    for kind in ("presigned", "contract"):
        last = verify(Job(signature=kind).encode(), PINS).checks[-1]
        assert last.ok
        assert last.detail.endswith("t vaults vouch for the requester's signature")


def request_of(order):
    return {"request": RequestDocument.of(order)}


@pytest.mark.parametrize(
    "change",
    [
        {"params": params_for(OTHER)},
        {"salt": OTHER},
        {"workerpoolmaxprice": 1},
        {"app": NOBODY},
    ],
    ids=lambda change: next(iter(change)),
)
def test_20_an_order_of_another_task_is_refused_even_if_signed(change):
    other = sign_order(alter(ORDER, change), ORDERS, BUYER)
    assert refused(20, Job(body=request_of(other)).encode()).startswith("(13)")


def test_20_facts_with_another_first_index_are_refused():
    assert refused(20, Job(facts={"bot_first": 6}).encode()).startswith("(13)")


@pytest.mark.parametrize("sign", [b"", SIGNED.sign[:63], SIGNED.sign[:-1] + b"\x1d", STRANGER.sign(bytes(32))])
def test_20_an_order_that_its_requester_did_not_sign_is_refused_where_the_facts_state_it_did(sign):
    unsigned = alter(SIGNED, {"sign": sign})
    assert refused(20, Job(body=request_of(unsigned)).encode()).startswith("(14)")


@pytest.mark.parametrize("kind", ["presigned", "contract"])
def test_20_vaults_cannot_call_the_requesters_own_signature_anything_else(kind):
    job = Job(signature=kind, body=request_of(SIGNED))
    assert refused(20, job.encode()).startswith("(14)")


def test_20_the_short_form_of_a_signature_counts_as_in_poco():
    r, s, v = SIGNED.sign[:32], bytearray(SIGNED.sign[32:64]), SIGNED.sign[64]
    s[0] |= (v - 27) << 7
    assert verify(Job(body=request_of(alter(SIGNED, {"sign": r + bytes(s)}))).encode(), PINS).ok


def test_20_a_number_that_no_order_can_have_is_refused():
    huge = msgspec.structs.replace(RequestDocument.of(SIGNED), volume=str(2**256))
    assert "does not fit" in refused(20, Job(body={"request": huge}).encode())


@pytest.mark.parametrize(
    "facts",
    [
        {"requester": NOBODY},
        {"beneficiary": NOBODY},
        {"result_key": OTHER},
        {"params": "{}"},
        {"inputs": (OTHER,)},
        {"callback": NOBODY},
        {"app": alter(FACTS.app, {"address": NOBODY})},
        {"dataset": None},
        {"dataset": alter(FACTS.dataset, {"address": NOBODY})},
        {"bulk": BulkFact(block=7, datasets=(), left_out=())},
    ],
    ids=lambda change: next(iter(change)),
)
def test_20_facts_that_differ_from_the_signed_order_are_refused(facts):
    callback = CALLED_BACK if "callback" in facts else None
    body = {"bulk": ()} if "bulk" in facts else {}
    assert refused(20, Job(facts=facts, callback=callback, body=body).encode()).startswith("(15)")


SHARED, OWN = to_digest(b"\x61" * 32), to_digest(b"\x62" * 32)
TREE = TaskInputTree([OWN if task == PLACE else to_digest(bytes([task]) * 32) for task in range(9)])
PATH = TREE.proof(PLACE).path


def bag(shared=(SHARED,), **facts):
    """A job whose order names inputs of single tasks; its facts may differ."""
    named = {"inputs": list(shared), "result_key": RESULT_KEY, "task_inputs": msgspec.to_builtins(TREE.inputs)}
    ordered = {"params": canonical({"sealgrid": named}).decode()}
    return Job(order=ordered, facts=ordered | {"inputs": (*shared, OWN), "input_path": PATH} | facts)


def test_20_a_task_has_the_shared_inputs_and_its_own():
    assert verify(bag().encode(), PINS).ok
    assert verify(bag(shared=(), inputs=(OWN,)).encode(), PINS).ok


@pytest.mark.parametrize(
    "facts",
    [
        {"inputs": (SHARED, to_digest(b"\x03" * 32))},
        {"inputs": (SHARED,)},
        {"inputs": (OWN, SHARED)},
        {"inputs": (OWN,)},
        {"inputs": ()},
        {"input_path": TREE.proof(PLACE - 1).path},
        {"input_path": ()},
        {"input_path": msgspec.UNSET},
    ],
    ids=["another task's", "none of its own", "in another order", "none shared", "none", "path", "no path", "unset"],
)
def test_20_facts_with_the_input_of_another_task_are_refused(facts):
    assert refused(20, bag(**facts).encode()).startswith("(15)")


def test_20_an_order_without_inputs_of_single_tasks_has_no_path():
    assert refused(20, Job(facts={"input_path": PATH}).encode()).startswith("(15)")
