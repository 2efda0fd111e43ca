"""Development wallets: only on a local network with a data folder, and only for the named accounts."""

from pathlib import Path

import pytest

from sealgrid.chain.accounts import development_key
from sealgrid.errors import InputRefused
from sealgrid.web.wallets.dev_wallets import CHOICES, DevelopmentWallets
from tests.unit.web.site_scene import network


def test_a_browser_acts_as_the_account_of_its_cookie_or_the_default_one(tmp_path: Path) -> None:
    wallets = DevelopmentWallets(network(folder=str(tmp_path)), tmp_path)
    assert [wallets.choose(cookie) for cookie in (None, "owner", "guardian")] == [CHOICES[0], "owner", CHOICES[0]]
    assert wallets.address("owner") == development_key("owner").address
    assert wallets.name(development_key("owner").address) == "owner"
    assert wallets.address("") is None


async def test_an_account_outside_the_choices_has_no_wallet(tmp_path: Path) -> None:
    wallets = DevelopmentWallets(network(folder=str(tmp_path)), tmp_path)
    with pytest.raises(InputRefused, match="no built-in wallet"):
        await wallets.client("guardian")


@pytest.mark.parametrize(("folder", "has_data"), [("", True), ("local", False)])
async def test_wallets_are_disabled_outside_a_local_network_or_without_a_data_folder(
    tmp_path: Path, folder: str, has_data: bool
) -> None:
    wallets = DevelopmentWallets(network(folder=folder), tmp_path if has_data else None)
    assert not wallets.is_enabled
    assert wallets.choose("owner") == ""
    with pytest.raises(InputRefused, match="no built-in wallet"):
        await wallets.client("owner")


def test_accounts_of_other_networks_have_no_names() -> None:
    assert DevelopmentWallets(network(), None).name(development_key("owner").address) == ""
