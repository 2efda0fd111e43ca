import pytest

from sealgrid.chain.accounts import NAMES, development_key


def test_the_first_account_is_anvils_well_known_one() -> None:
    assert development_key("admin").address == "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"


def test_every_name_has_a_key_of_its_own() -> None:
    assert len({development_key(name).address for name in NAMES}) == len(NAMES)


def test_an_unknown_name_has_none() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        development_key("nobody")
