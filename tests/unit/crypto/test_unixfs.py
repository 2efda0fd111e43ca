"""Expected addresses were computed by ipfs-unixfs-importer 15 (npm) with Kubo's defaults, from the same bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto.unixfs import BLOCK_BYTES, MAX_LINKS, FileAddress, content_addresses

KNOWN = {
    0: "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH",
    5: "QmVgje7PFxLapvmvTJhWnkYYh7Y5KBumxmuUHy67qRhUKd",
    BLOCK_BYTES: "QmRGtaHK8V8JK23yDT1tfoh2eRY9U5ix6zbiNHc9732JMo",
    BLOCK_BYTES + 1: "QmcVbM5cMCqC9pvnGvnPMHThnJdMeqJ4oVsqRSqWkdHXky",
    3 * BLOCK_BYTES: "QmPsDFXtxhkJoyQ1LAVMEKfTBUXMZg1dubTCxk2mRGeuZc",
    MAX_LINKS * BLOCK_BYTES: "Qme3AVRTuvMi3KSxMYAqLUcqQUywPoFXKkxamVrH4N7BTq",
    MAX_LINKS * BLOCK_BYTES + 1: "QmVZjfaRfSnMEE9akRfRuGzVHQNfcEynaJQKj8G6JMaPFd",
    (MAX_LINKS + 1) * BLOCK_BYTES + 7: "QmdZVyNUhu3AoQebjcprhHbtfzHiDQkKJC1zpEadAbLSgX",
}


def bytes_of(size: int) -> bytes:
    period = b"".join(bytes((i * 31 + (i >> 8)) & 255 for i in range(j << 8, (j + 1) << 8)) for j in range(256))
    return (period * (size // len(period) + 1))[:size]


@pytest.mark.parametrize("size", KNOWN)
def test_a_file_has_the_address_that_an_ipfs_node_gives_it(size: int) -> None:
    address = FileAddress()
    address.write(bytes_of(size))
    assert address.cid() == KNOWN[size]


def test_a_small_file_has_two_addresses() -> None:
    assert content_addresses(b"") == {KNOWN[0], "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"}


@given(cuts=st.lists(st.integers(0, 3 * BLOCK_BYTES), max_size=5))
def test_the_address_does_not_depend_on_the_pieces(cuts: list[int]) -> None:
    size, address, at = 3 * BLOCK_BYTES, FileAddress(), 0
    content = bytes_of(size)
    for cut in [*sorted(cuts), size]:
        address.write(content[at:cut])
        at = cut
    assert address.cid() == KNOWN[size]
