from pathlib import Path

import msgspec
import pytest

from sealgrid.attestation.statements import Verdict
from sealgrid.chain.broker import CHECKS, encode_proof
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused, ProofRefused, from_wire
from sealgrid.units import to_digest

PROTOCOL = Path(__file__).parents[3] / "docs/protocol"
KEYS = [SigningKey.from_bytes(bytes([n]) * 32) for n in (1, 2, 3)]
VERDICT = Verdict(
    task=to_digest(b"\x01" * 32),
    worker=KEYS[0].address,
    enclave=KEYS[1].address,
    app=to_digest(b"\x02" * 32),
    runtime=to_digest(b"\x03" * 32),
    platform=255,
    vault_set=to_digest(b"\x07" * 32),
    session=to_digest(b"\x04" * 32),
    settle=to_digest(b"\x05" * 32),
    issued=10,
    expiry=20,
)
TERMS = {"deal": to_digest(b"\x06" * 32), "index": 0, "pool_signature": bytes(65)}


def signed_verdict(key: SigningKey, **changes: object) -> tuple:
    return key.address, msgspec.structs.replace(VERDICT, **changes), bytes(65)


def test_the_order_in_which_vaults_answered_does_not_matter() -> None:
    verdicts = [signed_verdict(key, issued=10 + n) for n, key in enumerate(KEYS)]
    assert encode_proof(**TERMS, verdicts=verdicts) == encode_proof(**TERMS, verdicts=verdicts[::-1])


@pytest.mark.parametrize(
    "change",
    [
        {"expiry": 21},
        {"session": to_digest(bytes(32))},
        {"vault_set": to_digest(bytes(32))},
        {"task": to_digest(bytes(32))},
    ],
)
def test_verdicts_about_different_results_make_no_proof(change: dict[str, object]) -> None:
    with pytest.raises(InputRefused, match="about different results"):
        encode_proof(**TERMS, verdicts=[signed_verdict(KEYS[0]), signed_verdict(KEYS[1], **change)])


def test_no_verdict_makes_no_proof() -> None:
    with pytest.raises(InputRefused, match="at least one"):
        encode_proof(**TERMS, verdicts=[])


def test_the_documents_number_every_check() -> None:
    documents = "".join((PROTOCOL / name).read_text() for name in ("broker.md", "gate.md"))
    source = (PROTOCOL.parents[1] / "contracts/lib/judgement.vy").read_text()
    source += (PROTOCOL.parents[1] / "contracts/PoolGate.vy").read_text()
    assert all(f"\n{number}. " in documents for number in CHECKS)
    assert all(f" ({number}) " in source for number in CHECKS)


def test_a_refusals_number_survives_the_wire() -> None:
    sent = ProofRefused(CHECKS[10], check=10)
    received = from_wire(sent.to_wire(), 502)
    assert isinstance(received, ProofRefused)
    assert (received.check, received.message) == (10, CHECKS[10])
