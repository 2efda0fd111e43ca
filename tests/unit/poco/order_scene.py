"""Any order of PoCo, by its types; a domain and a key."""

from hypothesis import strategies as st

from sealgrid.crypto.signing import SigningKey
from sealgrid.poco.orders import AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder
from sealgrid.poco.typed_data import OrderDomain
from sealgrid.units import Address, to_address, to_digest

KINDS = (AppOrder, DatasetOrder, WorkerpoolOrder, RequestOrder)
DOMAIN = OrderDomain(chain=31337, hub=Address("0x" + "12" * 20))
KEY = SigningKey.from_bytes(b"\x21" * 32)


VALUES = {
    "address": st.binary(min_size=20, max_size=20).map(to_address),
    "bytes32": st.binary(min_size=32, max_size=32).map(to_digest),
    "uint256": st.integers(0, 2**256 - 1),
    "string": st.text(st.characters(codec="utf-8")),
}


orders = st.one_of(
    *(st.builds(kind, **{name: VALUES[solidity] for solidity, name in kind.TYPES}, sign=st.just(b"")) for kind in KINDS)
)
