"""What an owner's policy allows: exactly what it lists."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.attestation.policy import Allowance, Platform, Policy
from sealgrid.units import to_address, to_digest

APP, OTHER_APP, RUNTIME, OTHER_RUNTIME = (to_digest(bytes([n]) * 32) for n in range(1, 5))


def policy(*allowed):
    return Policy(
        asset=to_address(b"\1" * 20),
        owner=to_address(b"\2" * 20),
        version=1,
        expiry=10,
        allowed=allowed,
        uses_per_requester_hour=5,
    )


def allowance(app=APP, runtime=RUNTIME, platform=Platform.TDX, output_bytes=7):
    return Allowance(app=app, runtime=runtime, platform=platform, output_bytes=output_bytes, callback=False)


def test_an_empty_policy_denies_everybody():
    assert policy().allowance_for(APP, RUNTIME, Platform.TDX) is None


def test_what_is_listed_is_allowed():
    other = allowance(app=OTHER_APP, output_bytes=9)
    assert policy(allowance(), other).allowance_for(OTHER_APP, RUNTIME, Platform.TDX) == other


@pytest.mark.parametrize(
    ("app", "runtime", "platform"),
    [(OTHER_APP, RUNTIME, Platform.TDX), (APP, OTHER_RUNTIME, Platform.TDX), (APP, RUNTIME, Platform.SIMULATED)],
)
def test_one_part_of_a_listed_triple_allows_nothing(app, runtime, platform):
    assert policy(allowance()).allowance_for(app, runtime, platform) is None


@given(st.permutations([APP, OTHER_APP]), st.permutations([RUNTIME, OTHER_RUNTIME]))
def test_parts_of_two_entries_never_make_a_third(apps, runtimes):
    listed = policy(allowance(apps[0], runtimes[0]), allowance(apps[1], runtimes[1]))
    assert listed.allowance_for(apps[0], runtimes[1], Platform.TDX) is None


def test_a_policy_survives_the_wire_and_an_unknown_platform_or_field_does_not():
    sent = msgspec.json.encode(policy(allowance()))
    assert msgspec.json.decode(sent, type=Policy) == policy(allowance())
    for wrong in (
        sent.replace(b'"platform":2', b'"platform":4'),
        sent.replace(b'"version"', b'"wildcard":1,"version"'),
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(wrong, type=Policy)
