"""The app's Keccak is Ethereum's."""

from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto import digests
from sealgrid.shipped_apps.ados.quality.keccak import keccak256


@given(st.lists(st.binary(max_size=300), max_size=4))
def test_the_digest_is_ethereums(parts):
    assert keccak256(*parts) == digests.keccak256(*parts)
