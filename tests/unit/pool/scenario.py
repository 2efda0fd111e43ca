"""Scenarios of the simulated pool: how large it is, and what goes wrong in it."""

from dataclasses import dataclass, replace
from typing import Final, Literal

#: Of a worker in jobs without a TEE; see ``replicated_jobs``.
Behaviour = Literal["honest", "liar", "turncoat", "absent", "hidden"]


@dataclass(frozen=True)
class Faults:
    """Probabilities; zero for none."""

    lose: float = 0.0  #: of a request or an answer
    double: float = 0.0  #: of a request
    crash: float = 0.0  #: of a worker, in each job
    fail: float = 0.0  #: of a job
    restart: float = 0.0  #: of the pool, in each second
    front_run: float = 0.0  #: of each chain call of the pool
    reorganise: float = 0.0  #: of each block
    drop: float = 0.0  #: of each transaction of the pool


EVERYTHING: Final = Faults(
    lose=0.05, double=0.05, crash=0.03, fail=0.05, restart=0.01, front_run=0.05, reorganise=0.05, drop=0.1
)


@dataclass(frozen=True)
class Scenario:
    """What is simulated."""

    seed: int
    workers: int = 20
    tasks: int = 100
    slots: int = 2
    work_seconds: float = 30.0
    slowness: float = 1.0  #: by which the first worker is slower
    tail: bool = True  #: whether the pool gives the last tasks to idle workers, too
    delay: float = 2.0  #: longest way of a message, in seconds
    contribution_seconds: int = 1200
    picky: bool = True  #: whether some workers have little memory, or take the jobs of one requester only
    faults: Faults = EVERYTHING
    processes: int = 1  #: of the pool, on one store
    replicated: int = 0  #: every so many-th deal has no TEE; 0 for none
    replicas: int = 2  #: workers that agree on a result without a TEE, by the pool's promise
    dishonest: tuple[Behaviour, ...] = ()  #: what the first workers do in jobs without a TEE
    faulty_seconds: float = 300.0  #: nothing goes wrong any more after this long


class InvariantBroken(AssertionError):
    """Something happened that must not; the message has the scenario."""


def without(faults: Faults, *names: str) -> Faults:
    """Return faults without some kinds."""
    return replace(faults, **dict.fromkeys(names, 0.0))
