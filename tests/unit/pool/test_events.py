"""The stored form of a pool's events."""

from typing import get_args

from sealgrid.pool import events as e


def test_events_of_older_pools_replay_under_their_stored_tags() -> None:
    stored = (
        "DealSeen",
        "WorkerAsked",
        "ChainInitialised",
        "EnclaveNamed",
        "StageReported",
        "VaultsAnswered",
        "LeaseExpired",
        "ContributionClosed",
        "RefundDue",
        "ChainFinalized",
        "ChainClaimed",
        "Restarted",
    )
    assert tuple(each.__struct_config__.tag for each in get_args(e.AnyEvent)) == stored
