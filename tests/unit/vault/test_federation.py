"""The vaults of a federation: 2t - 1 of them, ascending, this one among them."""

from dataclasses import replace

import msgspec
import pytest

from sealgrid.errors import InputRefused
from tests.unit.vault.vault_scene import FEDERATION, HUB, MODEL_KEY, STRANGER


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": 3}, "2t - 1 vaults"),
        ({"threshold": 0, "vaults": ()}, "2t - 1 vaults"),
        ({"vaults": FEDERATION.vaults[::-1]}, "ascending"),
        ({"vaults": FEDERATION.vaults[:1] * 3}, "once each"),
        ({"own_address": STRANGER.address}, "does not list"),
    ],
)
def test_an_invalid_federation_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputRefused, match=message):
        replace(FEDERATION, **changes)


@pytest.mark.parametrize(
    "change",
    [{"hub": STRANGER.address}, {"vaults": FEDERATION.vaults[::-1]}, {"n": 5}, {"t": 3}],
    ids=["hub", "vaults", "n", "t"],
)
def test_a_key_of_another_federation_does_not_match(change: dict[str, object]) -> None:
    assert FEDERATION.matches(MODEL_KEY.record)
    assert not FEDERATION.matches(msgspec.structs.replace(MODEL_KEY.record, **change))


def test_a_database_is_bound_to_vault_and_chain() -> None:
    identity = FEDERATION.database_identity("0x" + "99" * 32)
    assert (identity["hub"], identity["vault"]) == (HUB, FEDERATION.own_address)
    other = replace(FEDERATION, own_address=FEDERATION.vaults[1])
    assert other.database_identity("0x" + "99" * 32) != identity
