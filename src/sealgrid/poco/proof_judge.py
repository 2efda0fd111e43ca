"""The contract that checks the proofs of a deal's tasks (docs/protocol/gate.md)."""

from enum import StrEnum

from sealgrid.units import ZERO_ADDRESS, Address


class ProofJudge(StrEnum):
    """The check that a worker's contribution must pass before PoCo accepts it."""

    BROKER = "broker"  #: the pinned TeeBroker is the hub's teebroker
    GATE = "gate"  #: the pinned PoolGate owned the pool at the match
    POOL = "pool's signature only"  #: no pinned contract; the pool's signature is enough


def judge_of(*, teebroker: Address, pool_owner: Address, pinned: Address) -> ProofJudge:
    """Return which check a deal has, by the hub's teebroker, the pool's owner at the match, and the pinned contract."""
    if teebroker == pinned:
        return ProofJudge.BROKER
    return ProofJudge.GATE if (teebroker, pool_owner) == (ZERO_ADDRESS, pinned) else ProofJudge.POOL
