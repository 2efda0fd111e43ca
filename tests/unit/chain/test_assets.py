"""Addresses of content as they stand on the chain: our text, and the bytes that iExec's SDK makes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.chain.assets import multiaddr_text
from sealgrid.crypto.digests import cid_of
from sealgrid.units import to_digest

# What npm iexec 9.0.1 registered for each address, by its own humanToMultiaddrBuffer.
BY_SDK = {
    "/ipfs/QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPBdG": "a5032212209d6c2be50f706953479ab9df2ce3edca90b68053c00b3004b7f0accbcfb172cf",
    "/ipfs/bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy": "a503221220c7d01489080858c500065836c658f847a6ca67c4864619212be4f8200e4bbace",
}


@pytest.mark.parametrize(("text", "raw"), BY_SDK.items())
def test_what_iexecs_sdk_registers_is_read_as_the_address_that_it_was_given(text: str, raw: str) -> None:
    assert multiaddr_text(bytes.fromhex(raw), is_raw_block=text.startswith("/ipfs/b")) == text


@pytest.mark.parametrize("text", ["/ipfs/bafkrei", "https://example.org/a", "registry.example/app:1", ""])
def test_text_stays_text(text: str) -> None:
    assert multiaddr_text(text.encode(), is_raw_block=True) == text


@given(st.binary(max_size=60))
def test_no_bytes_raise(raw: bytes) -> None:
    assert isinstance(multiaddr_text(raw, is_raw_block=False), str)


@given(st.binary(min_size=32, max_size=32))
def test_a_bundle_is_found_by_its_digest(digest: bytes) -> None:
    raw = bytes.fromhex("a5032212 20".replace(" ", "")) + digest
    assert multiaddr_text(raw, is_raw_block=True) == f"/ipfs/{cid_of(to_digest(digest))}"
