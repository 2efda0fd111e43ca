"""The secret from which the accounts of a shared network are made."""

import pytest

from sealgrid.errors import InputRefused
from sealgrid.localnet.account_seed import is_shared, make_private
from sealgrid.localnet.layout import Layout


def test_a_new_network_gets_a_random_seed_that_only_its_user_reads(tmp_path):
    layouts = [Layout(tmp_path / name) for name in ("one", "two")]
    for layout in layouts:
        layout.root.mkdir()
        assert not is_shared(layout)
        make_private(layout)
        assert is_shared(layout)
        assert layout.account_seed.stat().st_mode & 0o077 == 0
    first, second = (bytes.fromhex(layout.account_seed.read_text()) for layout in layouts)
    assert len(first) == len(second) == 32
    assert first != second


def test_a_seed_stays(tmp_path):
    layout = Layout(tmp_path)
    make_private(layout)
    before = layout.account_seed.read_bytes()
    layout.foundation.parent.mkdir()
    layout.foundation.touch()
    make_private(layout)
    assert layout.account_seed.read_bytes() == before


def test_a_network_with_development_accounts_cannot_be_shared_later(tmp_path):
    layout = Layout(tmp_path)
    layout.foundation.parent.mkdir()
    layout.foundation.touch()
    with pytest.raises(InputRefused, match="whose keys are public"):
        make_private(layout)
    assert not is_shared(layout)
