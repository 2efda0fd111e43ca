"""How a result is sealed where the deal's params are iExec's alone: to nobody, or for the key that facts name."""

import base64

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from test_app_conventions import facts

from sealgrid.attestation.job_params import NO_RESULT_KEY, parse_params
from sealgrid.crypto.digests import keccak256, sha256
from sealgrid.enclave.job.seal import SealedResult, seal_result
from sealgrid.errors import HostFailed
from sealgrid.poco.orders import RequestOrder
from sealgrid.receipts.request_document import RequestDocument, VerifiedRequest
from sealgrid.units import to_digest

ARCHIVE = b"an archive of results"


def a_key() -> bytes:
    public = rsa.generate_private_key(65537, 2048).public_key()
    return base64.b64encode(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


VALUE = a_key()


def sealed(result_key: str, rsa_key: bytes | None) -> SealedResult:
    said = msgspec.structs.replace(facts(), result_key=result_key, params="{}", release="direct")
    order = RequestOrder(app=said.app.address, requester=said.requester, beneficiary=said.requester, params=said.params)
    request = VerifiedRequest(RequestDocument.of(order), order, parse_params(order.params), "eoa")
    return seal_result(ARCHIVE, request, said, (), 2, rsa=rsa_key)


def test_a_result_for_nobody_is_the_apps_archive_itself() -> None:
    result = sealed(NO_RESULT_KEY, None)
    assert (result.content, result.sha256, result.record) == (ARCHIVE, to_digest(sha256(ARCHIVE)), None)


def test_a_result_for_a_registered_key_does_not_show_the_archive() -> None:
    result = sealed(to_digest(keccak256(VALUE)), VALUE)
    assert ARCHIVE not in result.content
    assert result.sha256 == to_digest(sha256(result.content))


@pytest.mark.parametrize("shown", [None, a_key()], ids=["none", "another"])
def test_a_key_that_facts_do_not_name_is_not_encrypted_for_and_nothing_leaves(shown: bytes | None) -> None:
    with pytest.raises(HostFailed):
        sealed(to_digest(keccak256(VALUE)), shown)
