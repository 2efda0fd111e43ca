"""A result for a registered RSA key; iExec's own SDK decrypts one in tests/e2e/test_iexec_client.py."""

import base64
import io
import zipfile

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto.digests import sha256
from sealgrid.crypto.iexec_format import open_iexec
from sealgrid.enclave.job.seal import seal_for_rsa
from sealgrid.errors import InputRefused
from sealgrid.units import to_digest

KEY = rsa.generate_private_key(65537, 2048)
VALUE = base64.b64encode(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def opened(sealed: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(sealed)) as archive:
        assert archive.namelist() == ["aes-key.rsa", "iexec_out.zip.aes"]
        key = KEY.decrypt(archive.read("aes-key.rsa"), PKCS1v15())
        content = archive.read("iexec_out.zip.aes")
    target = io.BytesIO()
    open_iexec(io.BytesIO(content), target, key, sha256=to_digest(sha256(content)))
    return target.getvalue()


@given(st.binary(max_size=200))
def test_the_owner_of_the_key_opens_the_result(archive: bytes) -> None:
    assert opened(seal_for_rsa(archive, VALUE)) == archive


def test_no_two_results_share_a_key_or_show_their_content() -> None:
    first, second = seal_for_rsa(b"the same result", VALUE), seal_for_rsa(b"the same result", VALUE)
    assert first != second
    assert b"the same result" not in first


def test_what_is_no_rsa_key_is_refused() -> None:
    with pytest.raises(InputRefused):
        seal_for_rsa(b"", base64.b64encode(b"-----BEGIN PUBLIC KEY-----"))
