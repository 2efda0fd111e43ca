"""What publishing refuses before anything is sealed, the first policy, and recovering a file."""

from types import SimpleNamespace

import pytest

from sealgrid.crypto.container import seal_bytes
from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.publish import POLICY_SECONDS, first_policy, publish, recover
from sealgrid.units import to_address, to_digest

MODEL, OWNER = to_address(b"\xaa" * 20), to_address(b"\x01" * 20)
DEK, CHECKSUM = bytes(range(32)), to_digest(bytes(32))


async def test_a_model_without_an_app_is_refused(tmp_path):
    with pytest.raises(InputRefused, match="name at least one app"):
        await publish(None, tmp_path, name="a", apps=[])


@pytest.mark.parametrize(("direct", "proved"), [(False, True), (True, False)])
def test_the_first_policy_is_the_accounts_for_a_year(direct, proved):
    conn = SimpleNamespace(address=OWNER, clock=lambda: 1_000.5)
    policy = first_policy(conn, MODEL, (), direct=direct, proved=proved)
    assert (policy.asset, policy.owner, policy.version) == (MODEL, OWNER, 1)
    assert (policy.expiry, policy.release, policy.proved is True) == (1_000 + POLICY_SECONDS, int(direct), proved)


def test_an_expiry_and_an_hourly_limit_take_the_place_of_the_year_and_the_thousand():
    conn = SimpleNamespace(address=OWNER, clock=lambda: 1_000.5)
    policy = first_policy(conn, MODEL, (), 7, expiry=5_000, direct=False, proved=False)
    assert (policy.expiry, policy.uses_per_requester_hour) == (5_000, 7)


async def test_a_sale_that_would_have_ended_is_refused_before_anything_is_sealed(tmp_path):
    conn = SimpleNamespace(clock=lambda: 1_000.5)
    with pytest.raises(InputRefused, match="the sale would end at 1970-01-01 00:16:40 UTC, which has passed"):
        await publish(conn, tmp_path, name="a", apps=[MODEL], expiry=1_000)


async def test_a_name_that_is_not_allowed_is_refused_before_anything_is_sealed(tmp_path):
    with pytest.raises(InputRefused, match="separate account, name and version"):
        await publish(SimpleNamespace(), tmp_path, name="cars@5", apps=[MODEL])


class Storage:
    """A storage with one sealed file."""

    async def get_file(self, checksum, target):
        assert checksum == CHECKSUM
        target.write_bytes(seal_bytes(b"the model", dek=DEK, key_id=bytes(16)))


async def test_a_recovered_file_is_the_plain_one_and_overwrites_none(tmp_path):
    conn, target = SimpleNamespace(storage=Storage()), tmp_path / "model"
    assert (await recover(conn, CHECKSUM, DEK, target)).read_bytes() == b"the model"
    with pytest.raises(InputRefused, match="exists already; nothing was overwritten"):
        await recover(conn, CHECKSUM, DEK, target)
    with pytest.raises(InputRefused, match="cannot be written"):
        await recover(conn, CHECKSUM, DEK, tmp_path / "missing" / "model")
