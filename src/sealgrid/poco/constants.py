"""PoCo's constants (IexecLibCore_v5, FacetBase), and the categories of a local chain."""

from typing import Final

import msgspec

from sealgrid.units import Address, Nrlc

CONTRIBUTION_DEADLINE_RATIO: Final = 7  #: times the category's time reference, after the deal
REVEAL_DEADLINE_RATIO: Final = 2  #: times the time reference, after a consensus: until then its workers reveal
FINAL_DEADLINE_RATIO: Final = 10  #: times the time reference, after the deal; from then on anyone may claim the refund
WORKERPOOL_STAKE_RATIO: Final = 30  #: per cent of the pool's price that its owner locks for each task
MIN_TRUST_WITHOUT_TEE: Final = 2  #: at 1 PoCo pays any result of one worker (``contributeAndFinalize``)
KITTY_ADDRESS: Final = Address("0x99c2268479b93fde36232351229815df80837e23")
GROUP_MEMBER_PURPOSE: Final = 4  #: ERC-734 purpose of the members that a restriction contract admits

ORDER_DOMAIN_NAME: Final = "iExecODB"
ORDER_DOMAIN_VERSION: Final = "5.0.0"


class TaskCategory(msgspec.Struct, frozen=True):
    """A category of tasks; its deadlines are multiples of ``timeref`` seconds."""

    name: str
    timeref: int


#: iExec's five, in their order of creation, and a short one for refunds on a local chain.
LOCAL_CATEGORIES: Final = (
    TaskCategory("XS", 300),
    TaskCategory("S", 1200),
    TaskCategory("M", 3600),
    TaskCategory("L", 10800),
    TaskCategory("XL", 36000),
    TaskCategory("Short", 30),
)


def pool_stake(price: int) -> Nrlc:
    """Return the stake that a pool's owner locks for one task at ``price`` nRLC."""
    return Nrlc(price * WORKERPOOL_STAKE_RATIO // 100)


def worker_reward(price: int, scheduler_reward_ratio: int = 1) -> Nrlc:
    """Return the worker's share of the pool's price after contributeAndFinalize; the pool's owner gets the rest."""
    return Nrlc(price * (100 - scheduler_reward_ratio) // 100)
