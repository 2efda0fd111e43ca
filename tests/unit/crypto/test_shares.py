"""A key comes back from any t honest shares, and a lie is named."""

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealgrid.crypto.shares import (
    KeyRecord,
    Share,
    combine,
    commit,
    mismatched_vaults,
    record_from_shares,
    split,
    validate_record,
)
from sealgrid.errors import InputRefused, SharesRefused
from sealgrid.units import ZERO_ADDRESS, to_address, to_digest

DEK = bytes(range(32))
HUB, ASSET, OWNER = (to_address(bytes([value]) * 20) for value in (0xA1, 0xA2, 0xA3))
FILE = to_digest(b"\xf1" * 32)


def vaults_of(n):
    return tuple(to_address(bytes([index + 1]) * 20) for index in range(n))


def federation(t, dek=DEK):
    shares = split(dek, 2 * t - 1, t)
    record = record_from_shares(
        hub=HUB, asset=ASSET, owner=OWNER, version=1, file_sha256=FILE, t=t, vaults=vaults_of(2 * t - 1), shares=shares
    )
    return shares, record


def replace(struct, /, **changes):
    return msgspec.structs.replace(struct, **changes)


def lie(share):
    return replace(share, value=bytes([share.value[0] ^ 1]) + share.value[1:])


def refusal(shares, record):
    with pytest.raises(SharesRefused) as refused:
        combine(shares, record)
    return refused.value


@settings(max_examples=15, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.integers(1, 3))
def test_any_t_shares_give_the_key_back(dek, t):
    shares, record = federation(t, dek)
    assert all(combine(chosen[::-1], record) == dek for chosen in itertools.combinations(shares, t))


def test_all_shares_together_give_the_key_back():
    shares, record = federation(4)
    assert combine(shares, record) == DEK


def test_one_vault_alone_may_be_a_federation():
    shares, record = federation(1)
    assert len(shares) == 1
    assert combine(shares, record) == DEK


def test_no_share_below_the_threshold_contains_a_half_of_the_key():
    shares, _ = federation(2)
    assert all(DEK[:16] not in share.value and DEK[16:] not in share.value for share in shares)


def test_splitting_twice_shares_no_value_and_no_commitment():
    first, second = split(DEK, 3, 2), split(DEK, 3, 2)
    assert not {share.value for share in first} & {share.value for share in second}
    assert not {commit(share) for share in first} & {commit(share) for share in second}


def test_blinds_come_from_the_randomness_that_is_given():
    assert [share.blind for share in split(DEK, 3, 2, lambda size: b"\x09" * size)] == [b"\x09" * 32] * 3


def test_too_few_shares_are_refused_by_number_1():
    shares, record = federation(2)
    assert refusal(shares[:1], record).check == "1"
    assert refusal([shares[0], shares[0]], record).check == "1"
    assert refusal([], record).check == "1"


def test_a_share_outside_the_record_is_refused_by_number_2():
    shares, record = federation(2)
    for index in (0, 4, -1, 300):
        assert refusal([shares[0], replace(shares[1], index=index)], record).check == "2"


def test_a_lying_share_is_refused_by_number_3_and_its_vault_named():
    shares, record = federation(2)
    refused = refusal([shares[0], lie(shares[1])], record)
    assert refused.check == "3"
    assert record.vaults[1] in refused.message
    assert record.vaults[0] not in refused.message


def test_a_lying_share_is_left_out_while_enough_good_ones_remain():
    shares, record = federation(2)
    given_shares = [lie(shares[0]), shares[1], shares[2]]
    assert combine(given_shares, record) == DEK
    assert mismatched_vaults(given_shares, record) == {record.vaults[0]}


def test_a_lie_beside_the_true_share_does_not_displace_it():
    shares, record = federation(2)
    for order in itertools.permutations([shares[0], lie(shares[0]), shares[1]]):
        assert combine(order, record) == DEK


def test_a_share_that_belongs_to_another_vault_is_a_lie():
    shares, record = federation(2)
    assert refusal([shares[0], replace(shares[1], index=3)], record).check == "3"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda share: replace(share, blind=bytes(32)),
        lambda share: replace(share, blind=share.blind + b"\0"),
        lambda share: replace(share, value=share.value[:31]),
        lambda share: replace(share, value=b""),
    ],
    ids=["blind", "long-blind", "short-value", "no-value"],
)
def test_a_share_of_another_shape_is_a_lie(spoil):
    shares, record = federation(2)
    assert refusal([shares[0], spoil(shares[1])], record).check == "3"


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"t": 0, "n": 0, "vaults": (), "commitments": ()}, "record.1"),
        ({"n": 4}, "record.2"),
        ({"t": 1}, "record.2"),
        ({"t": 3}, "record.2"),
        ({"vaults": tuple(reversed(vaults_of(3)))}, "record.3"),
        ({"vaults": (vaults_of(2)[0], *vaults_of(2))}, "record.3"),
        ({"vaults": (ZERO_ADDRESS, *vaults_of(2))}, "record.3"),
        ({"vaults": vaults_of(2)}, "record.4"),
        ({"commitments": (FILE, FILE)}, "record.4"),
    ],
    ids=["t=0", "n=4", "t=1-of-3", "t=3-of-3", "descending", "twice", "zero-vault", "few-vaults", "few-commitments"],
)
def test_a_record_that_breaks_its_rules_is_refused_by_its_number(changes, check):
    shares, record = federation(2)
    with pytest.raises(SharesRefused) as refused:
        validate_record(replace(record, **changes))
    assert refused.value.check == check
    assert refusal(shares, replace(record, **changes)).check == check


def test_a_record_needs_one_share_for_each_vault():
    with pytest.raises(SharesRefused):
        record_from_shares(
            hub=HUB,
            asset=ASSET,
            owner=OWNER,
            version=1,
            file_sha256=FILE,
            t=2,
            vaults=vaults_of(3),
            shares=split(DEK, 5, 3),
        )


@pytest.mark.parametrize(
    ("dek", "n", "t"), [(b"", 3, 2), (DEK[:16], 3, 2), (DEK + b"\0", 3, 2), (DEK, 3, 0), (DEK, 1, 2), (DEK, 256, 2)]
)
def test_what_is_no_key_or_no_threshold_is_not_split(dek, n, t):
    with pytest.raises(InputRefused):
        split(dek, n, t)


def test_a_record_survives_the_wire():
    _, record = federation(2)
    assert msgspec.json.decode(msgspec.json.encode(record), type=KeyRecord) == record


def test_a_share_shows_neither_value_nor_blind():
    share = Share(index=1, value=b"V" * 32, blind=b"B" * 32)
    assert repr(share) == "Share(index=1)"
    assert dict(share.__rich_repr__()) == {"index": 1}
