"""Sealing of a result: for nobody or a registered RSA key where the deal's params are iExec's alone.

iExec's own SDK decrypts such a result in tests/e2e/test_iexec_client.py.
"""

import base64
import io
import zipfile

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.attestation.job_params import NO_RESULT_KEY, parse_params
from sealgrid.crypto.digests import keccak256, sha256
from sealgrid.crypto.iexec_format import open_iexec
from sealgrid.enclave.job.seal import SealedResult, seal_for_rsa, seal_result
from sealgrid.errors import HostFailed, InputRefused
from sealgrid.poco.orders import RequestOrder
from sealgrid.receipts.request_document import RequestDocument, VerifiedRequest
from sealgrid.units import to_digest
from tests.unit.enclave.facts_scene import facts

ARCHIVE = b"an archive of results"


def registered_value(key: rsa.RSAPrivateKey) -> bytes:
    return base64.b64encode(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def a_key() -> bytes:
    return registered_value(rsa.generate_private_key(65537, 2048))


RSA_KEY = rsa.generate_private_key(65537, 2048)
RSA_VALUE = registered_value(RSA_KEY)


def sealed(result_key: str, rsa_key: bytes | None) -> SealedResult:
    job_facts = msgspec.structs.replace(facts(), result_key=result_key, params="{}", release="direct")
    order = RequestOrder(
        app=job_facts.app.address,
        requester=job_facts.requester,
        beneficiary=job_facts.requester,
        params=job_facts.params,
    )
    request = VerifiedRequest(RequestDocument.of(order), order, parse_params(order.params), "eoa")
    return seal_result(ARCHIVE, request, job_facts, (), 2, rsa=rsa_key)


def test_an_unencrypted_result_is_the_apps_archive() -> None:
    result = sealed(NO_RESULT_KEY, None)
    assert (result.content, result.sha256, result.record) == (ARCHIVE, to_digest(sha256(ARCHIVE)), None)


def test_a_result_for_a_registered_key_does_not_show_the_archive() -> None:
    result = sealed(to_digest(keccak256(RSA_VALUE)), RSA_VALUE)
    assert ARCHIVE not in result.content
    assert result.sha256 == to_digest(sha256(result.content))


@pytest.mark.parametrize("presented", [None, a_key()], ids=["none", "another"])
def test_a_key_that_the_facts_do_not_name_is_refused(presented: bytes | None) -> None:
    with pytest.raises(HostFailed):
        sealed(to_digest(keccak256(RSA_VALUE)), presented)


def opened(sealed: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(sealed)) as archive:
        assert archive.namelist() == ["aes-key.rsa", "iexec_out.zip.aes"]
        key = RSA_KEY.decrypt(archive.read("aes-key.rsa"), PKCS1v15())
        content = archive.read("iexec_out.zip.aes")
    target = io.BytesIO()
    open_iexec(io.BytesIO(content), target, key, sha256=to_digest(sha256(content)))
    return target.getvalue()


@given(st.binary(max_size=200))
def test_the_owner_of_the_key_opens_the_result(archive: bytes) -> None:
    assert opened(seal_for_rsa(archive, RSA_VALUE)) == archive


def test_no_two_results_share_a_key_or_show_their_content() -> None:
    first, second = seal_for_rsa(b"the same result", RSA_VALUE), seal_for_rsa(b"the same result", RSA_VALUE)
    assert first != second
    assert b"the same result" not in first


def test_an_invalid_rsa_key_is_refused() -> None:
    with pytest.raises(InputRefused):
        seal_for_rsa(b"", base64.b64encode(b"-----BEGIN PUBLIC KEY-----"))
