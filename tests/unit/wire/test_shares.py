"""A share seals to one key under one context, and nothing else of it travels."""

import pytest

from sealgrid.crypto import hpke
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.shares import Share
from sealgrid.errors import ContainerRefused
from sealgrid.wire.shares import SharePart, open_share, seal_share

KEY = HpkeKey.from_bytes(b"\x21" * 32)
SHARE = Share(index=2, value=b"\x01" * 32, blind=b"\x02" * 32)
INFO = b"\x03" * 32


def test_a_sealed_share_opens_with_the_recipients_key_and_context() -> None:
    assert open_share(seal_share(SHARE, KEY.public, INFO), 2, KEY, INFO) == SHARE


def test_a_sealed_share_opens_with_no_other_key_or_context() -> None:
    sealed = seal_share(SHARE, KEY.public, INFO)
    with pytest.raises(ContainerRefused):
        open_share(sealed, 2, HpkeKey.from_bytes(b"\x22" * 32), INFO)
    with pytest.raises(ContainerRefused):
        open_share(sealed, 2, KEY, b"\x04" * 32)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"value": "AQ=="}', b"secret in clear text"])
def test_what_is_not_a_share_is_refused_without_naming_the_content(content: bytes) -> None:
    with pytest.raises(ContainerRefused) as caught:
        open_share(hpke.seal(KEY.public, content, INFO), 2, KEY, INFO)
    assert caught.value.__cause__ is None
    assert "secret" not in str(caught.value)


def test_a_key_that_cannot_be_sealed_to_is_refused() -> None:
    with pytest.raises(ContainerRefused):
        seal_share(SHARE, bytes(32), INFO)


def test_the_repr_of_a_part_is_empty_of_secrets() -> None:
    assert repr(SharePart.of(SHARE)) == "SharePart(hidden)"
