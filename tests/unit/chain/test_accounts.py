import pytest
from eth_account import Account

from sealgrid.chain.accounts import NAMES, TEST_MNEMONIC, development_key


def test_the_first_account_is_anvils_well_known_one() -> None:
    assert development_key("admin").address == "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"


def test_every_name_has_a_key_of_its_own() -> None:
    assert len({development_key(name).address for name in NAMES}) == len(NAMES)


def test_keys_are_those_that_eth_account_derives() -> None:
    Account.enable_unaudited_hdwallet_features()
    for index, name in enumerate(NAMES):
        expected = Account.from_mnemonic(TEST_MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
        assert development_key(name).secret == bytes(expected.key)


def test_an_unknown_name_has_none() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        development_key("no such name")
