"""Who stands between an enclave's claim and PoCo's payment for it (docs/protocol/gate.md)."""

from enum import StrEnum

from sealgrid.units import ZERO_ADDRESS, Address


class ProofJudge(StrEnum):
    """Whom PoCo asks whether a worker and its enclave may contribute to a deal's tasks."""

    BROKER = "broker"  #: the pinned TeeBroker, which the hub asks
    GATE = "gate"  #: the pinned PoolGate, which owned the pool when the deal was made
    POOL = "pool's word only"  #: nobody whom we know


def judging(*, teebroker: Address, pool_owner: Address, pinned: Address) -> ProofJudge:
    """Return who judges a deal: by the hub's teebroker, its pool's recorded owner, and the contract that we trust."""
    if teebroker == pinned:
        return ProofJudge.BROKER
    return ProofJudge.GATE if (teebroker, pool_owner) == (ZERO_ADDRESS, pinned) else ProofJudge.POOL
