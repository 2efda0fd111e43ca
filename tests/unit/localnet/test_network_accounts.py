"""A shared network has accounts of its own; one that was made with development accounts cannot be shared."""

import stat

import pytest

from sealgrid.chain.accounts import NAMES, development_key
from sealgrid.errors import InputRefused
from sealgrid.localnet.account_seed import is_shared, make_private
from sealgrid.localnet.layout import CHAIN, Layout
from sealgrid.localnet.network_accounts import PRIVATE_NAMES, account_keys, account_names


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path)


def test_a_network_of_this_machine_has_the_development_accounts(layout):
    assert (is_shared(layout), account_names(layout)) == (False, NAMES)
    assert account_keys(layout)("owner").address == development_key("owner").address


def test_a_shared_network_has_no_development_account(layout):
    make_private(layout)
    own = {account_keys(layout)(name).address for name in PRIVATE_NAMES}
    assert len(own) == len(PRIVATE_NAMES)
    assert not own & {development_key(name).address for name in NAMES}


def test_its_keys_are_the_same_at_the_next_start_and_private(layout):
    make_private(layout)
    before = account_keys(layout)("admin").address
    make_private(layout)
    assert account_keys(layout)("admin").address == before
    assert stat.S_IMODE(layout.account_seed.stat().st_mode) == 0o600


def test_two_networks_have_different_accounts(tmp_path):
    layouts = [Layout(tmp_path / name) for name in ("one", "two")]
    for layout in layouts:
        layout.root.mkdir()
        make_private(layout)
    assert len({account_keys(layout)("admin").address for layout in layouts}) == 2


def test_a_network_with_development_accounts_is_not_shared_later(layout):
    layout.part(CHAIN)
    layout.foundation.write_text("{}")
    with pytest.raises(InputRefused, match="whose keys are public, so it cannot be shared; make another network"):
        make_private(layout)
    assert not is_shared(layout)
