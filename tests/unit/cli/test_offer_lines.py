"""Lines of an offer and of a listing."""

import pytest

from sealgrid.bundle.model_signature import ModelSignature, TensorSpec
from sealgrid.cli.offer_lines import changelog_lines, listing_lines, offer_lines
from sealgrid.receipts.run_record import RunRecord
from sealgrid.sdk.amounts import amount
from sealgrid.sdk.operations.key_versions import KeyVersionView
from sealgrid.sdk.operations.latest_runs import LatestRuns
from sealgrid.sdk.operations.release_marks import ReleaseMark
from sealgrid.sdk.resources.offers import Listing, Offer
from sealgrid.units import to_address, to_digest

MODEL, OWNER, APP = (to_address(bytes([number]) * 20) for number in range(1, 4))
DIGEST = to_digest(bytes(32))
SIGNATURE = ModelSignature(
    inputs=(TensorSpec(name="x", dtype="float32", shape=(None, 3)),),
    outputs=(TensorSpec(name="y", dtype="float32", shape=(None, 12), classes=tuple(range(12))),),
    checked="inference",
)


def offer(**changes):
    fields = {"app": None, "buyer": None, "presigned": False} | changes
    return Offer(MODEL, "faces", OWNER, DIGEST, amount("3"), 5, **fields)


def listing(**changes):
    return Listing(MODEL, "faces", OWNER, DIGEST, "/ipfs/x", **{"offers": (offer(),)} | changes)


def test_an_offer_is_one_line_with_address_price_and_uses():
    assert list(offer_lines([offer()], "runs")) == [f"{MODEL}         3 RLC        5 runs  'faces'"]
    (line,) = offer_lines([offer(release=ReleaseMark.BUILT)], "runs")
    assert line.endswith("'faces'  built from this release")
    _, runs = offer_lines([offer(runs=LatestRuns(RunRecord(answers=2), 2, is_complete=True, answer_rate=1.0))], "runs")
    assert runs.strip() == "latest 2 runs: 2 of 2 answered (100%)"


def test_a_changelog_stands_beside_its_word():
    assert list(changelog_lines("# Changelog\n\n## 1")) == ["changelog    # Changelog", "", " " * 13 + "## 1"]
    assert list(changelog_lines("")) == []


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "offer        3 RLC for each of 5 uses"),
        ({"offers": ()}, "offer        none"),
        ({"offers": (offer(app=APP),)}, f"offer        3 RLC for each of 5 uses, for the app {APP} only"),
        ({"offers": (offer(presigned=True),)}, "offer        3 RLC for each of 5 uses, signed on the chain"),
        (
            {"iexec_compatible": True},
            "policy       none, iExec-compatible: used through the one app that a matched order names",
        ),
        ({"unopened": DIGEST}, f"WARNING      did not open for a buyer (task {DIGEST}); the vaults refuse it (7.22)"),
        ({"signature": SIGNATURE}, "input        'x': float32 [any, 3]"),
        ({"signature": SIGNATURE}, "output       'y': float32 [any, 12], classes 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 … (12)"),
        (
            {"release": ReleaseMark.LOOK_ALIKE},
            "release      NOT built from this release: other code under the name of a shipped app",
        ),
        ({"newer": offer(release=None)}, f"newer        'faces' at 3 RLC, {MODEL}"),
        ({"opened": DIGEST}, f"opened       by an enclave, with its present key (task {DIGEST})"),
        (
            {"versions": (KeyVersionView(2, DIGEST, 60, 3),)},
            "key          version 2, since 1970-01-01 00:01 UTC, stored by 3 vaults",
        ),
        (
            {"versions": (KeyVersionView(1, DIGEST, 60, 0),)},
            "key          version 1, since 1970-01-01 00:01 UTC, its shares are destroyed",
        ),
    ],
)
def test_a_listing_has_a_line_for_each_of_its_facts(changes, line):
    lines = list(listing_lines(listing(**changes), sealed="sealed file"))
    assert lines[0] == f"address      {MODEL}"
    assert line in lines
