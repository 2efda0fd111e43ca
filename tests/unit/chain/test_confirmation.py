from sealgrid.chain.confirmation import confirmation_of

ETHEREUM, SEPOLIA, ARBITRUM, ARBITRUM_SEPOLIA, LOCAL = 1, 11155111, 42161, 421614, 31337


def test_each_chain_confirms_by_its_own_rule() -> None:
    assert [confirmation_of(chain).which for chain in (ETHEREUM, SEPOLIA)] == ["finalized"] * 2
    assert [confirmation_of(chain).which for chain in (ARBITRUM, ARBITRUM_SEPOLIA)] == ["safe"] * 2
    assert confirmation_of(LOCAL).which == 1


def test_an_unknown_chain_waits_for_finality() -> None:
    assert confirmation_of(99).which == "finalized"


def test_blocks_may_be_old_only_where_they_come_on_demand() -> None:
    assert confirmation_of(LOCAL).oldest is None
    assert all(confirmation_of(chain).oldest for chain in (ETHEREUM, ARBITRUM, 99))
