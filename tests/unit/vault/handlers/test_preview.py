"""A preview and a release cannot differ: what one refuses about a deal, the other refuses by the same number."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sealgrid.attestation.policy import Machines, Platform
from sealgrid.errors import DealRefused, ReleaseRefused
from sealgrid.units import ZERO_ADDRESS
from sealgrid.vault.checks.entitlement import check_params, entitle
from sealgrid.vault.checks.owner_terms import DatasetUses
from sealgrid.vault.checks.release import check_agreement
from sealgrid.vault.handlers.deal_state import DealDocuments
from sealgrid.vault.handlers.preview import judge_deal, machine_rules
from sealgrid.wire.preview import OfferedMachine
from tests.unit.vault.vault_scene import (
    APP_DIGEST,
    FEDERATION,
    MODEL,
    NOW,
    REQUESTER,
    RUNTIME,
    SNAPSHOT,
    STORED_KEYS,
    STRANGER,
    allowance,
    attested,
    deal,
    params,
    policy,
)

allowances = st.lists(
    st.builds(
        allowance,
        app=st.sampled_from([APP_DIGEST, MODEL]),
        runtime=st.sampled_from([RUNTIME, MODEL]),
        callback=st.booleans(),
    ),
    max_size=2,
).map(tuple)
policies = st.builds(
    policy,
    allowed=allowances,
    expiry=st.sampled_from([NOW, NOW + 10]),
    uses_per_requester_hour=st.integers(0, 2),
    uses_total=st.integers(0, 2),
    refused=st.sampled_from([(), (REQUESTER.address,)]),
    machines=st.sampled_from([Machines(), Machines(denied=("0a",))]),
)
stored_keys = st.builds(
    lambda signed, hour, total: replace(STORED_KEYS, policy=signed, uses=DatasetUses(hour, total)),
    policies,
    st.integers(0, 2),
    st.integers(0, 2),
) | st.sampled_from(
    [
        STORED_KEYS,
        replace(STORED_KEYS, dataset=None),
        replace(STORED_KEYS, policy=None),
        replace(STORED_KEYS, inputs={}),
        replace(STORED_KEYS, unopened=True),
        replace(STORED_KEYS, policy=policy(proved=True), unproved_since=0),
    ]
)
requests = st.sampled_from(
    [params(), params(inputs=[]), params(inputs=[MODEL]), "{}", '{"iexec_input_files":["https://x.org"]}', "no JSON"]
)
chains = st.builds(
    lambda text, callback, trust: replace(SNAPSHOT, deal=deal(params=text, callback=callback, trust=trust)),
    requests,
    st.sampled_from([ZERO_ADDRESS, STRANGER.address]),
    st.sampled_from([1, 1, 1, 2]),
)


def released(chain, keys):
    """What ``release_shares`` asks about a deal once the evidence holds."""
    try:
        check_agreement(chain, federation=FEDERATION)
        entitle(attested(), chain, check_params(chain.deal), keys, at=NOW)
    except ReleaseRefused as error:
        return error
    return None


@given(chain=chains, keys=stored_keys)
def test_what_a_preview_refuses_a_release_refuses_by_the_same_number(chain, keys):
    refused, done = (
        judge_deal(FEDERATION, chain, DealDocuments(), lambda _: keys, at=NOW).refusal,
        released(chain, keys),
    )
    if refused is not None:
        assert (type(done), done.check, done.message) == (type(refused), refused.check, refused.message)
    elif done is not None:
        assert not isinstance(done, DealRefused), "what only a machine decides is no refusal of the deal"
        assert done.check in {"5", "3.6", "7.3"}


def test_a_preview_names_the_rules_about_machines_and_whether_the_pool_has_one():
    asks = policy(machines=Machines(denied=("0a0b",), up_to_date=False))
    mine, other = (OfferedMachine(runtime=each, platform=int(Platform.SIMULATED)) for each in (RUNTIME, MODEL))
    for offered, has in (((), None), ((other,), False), ((other, mine), True)):
        kind, *rules = machine_rules(asks, APP_DIGEST, offered)
        assert (kind.check, kind.advertised) == ("5", has)
        assert [(each.check, each.advertised) for each in rules] == [("3.6", None), ("3.10", None)]


def test_the_scene_is_released_for():
    assert released(SNAPSHOT, STORED_KEYS) is None
    assert judge_deal(FEDERATION, SNAPSHOT, DealDocuments(), lambda _: STORED_KEYS, at=NOW).policy == policy()
