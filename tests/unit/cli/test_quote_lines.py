"""The lines of ``sealgrid run --quote``."""

from dataclasses import replace

import msgspec

from sealgrid.cli.quote_lines import quote_lines
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.network import PinnedPool
from sealgrid.sdk.operations.quote import RunQuote
from sealgrid.sdk.operations.release_marks import ReleaseMark
from sealgrid.units import to_address
from tests.unit.cli.cli_runner import run_cli
from tests.unit.sdk.network_file import network

APP, MODEL, POOL, ME = (to_address(bytes([n]) * 20) for n in range(1, 5))
RLC = 10**9
QUOTE = RunQuote(
    app=APP,
    model=MODEL,
    pool=POOL,
    tasks=2,
    app_price=Amount(0),
    model_price=Amount(3 * RLC),
    computing_price=Amount(2 * RLC),
    total=Amount(10 * RLC),
    payer=ME,
    escrow=Amount(4 * RLC),
    wallet=Amount(RLC),
    missing=Amount(6 * RLC),
    quorum=2,
    vaults=3,
    conditions=("(3.7) The generation is allowed.",),
    past_runs=0,
    expected_seconds=None,
    warm_seconds=None,
    cold_seconds=None,
    slowest_seconds=None,
    duration="unknown: no past answers",
)


def test_a_quote_has_every_part_the_money_and_what_is_missing():
    assert list(quote_lines(QUOTE, msgspec.structs.replace(network(), pools=(PinnedPool(POOL, "local"),)))) == [
        "app        free",
        "model      3 RLC",
        "computing  2 RLC, at pool local",
        "tasks      2, each at these prices",
        "total      10 RLC",
        "escrow     4 RLC free",
        "wallet     1 RLC",
        'missing    6 RLC; deposit it with: sealgrid account deposit "6 RLC"',
        "time       unknown: no past answers",
        "vaults     2 of 3 must release the keys; they would now",
        "condition  on the machine, checked after the purchase: (3.7) The generation is allowed.",
        "nothing was bought",
    ]


def test_a_quote_without_a_tee_names_its_trust_and_no_vaults():
    lines = list(quote_lines(replace(QUOTE, quorum=0, trust=3, conditions=()), network()))
    assert lines[-2:] == ["trust      3, without a TEE: input and result are public", "nothing was bought"]


def test_a_look_alike_of_a_shipped_app_is_said_beside_its_price():
    first = next(iter(quote_lines(replace(QUOTE, release=ReleaseMark.LOOK_ALIKE), network())))
    assert first == "app        free, NOT built from this release: other code under the name of a shipped app"


def test_a_run_without_a_model_that_the_escrow_covers_has_fewer_lines():
    plain = replace(QUOTE, model=None, model_price=None, tasks=1, missing=Amount(0), conditions=())
    lines = "\n".join(quote_lines(plain, network()))
    assert not {"model", "tasks", "missing", "condition"} & {line.split()[0] for line in lines.splitlines()}
    assert f"at pool {POOL}" in lines


def test_json_without_a_quote_is_refused_before_anything_is_bought(tmp_path):
    ended = run_cli("run", "onnx-runner", "--json", home=tmp_path)
    assert "add --quote" in ended.err
    assert "No money moved" in ended.err
