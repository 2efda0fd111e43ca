"""The faults of one run, drawn from a seed: what happens to which part, when, and for how long. Pure."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

import msgspec

CALM_SHARE: Final = 0.06  #: of the time, at the begin, without a fault


class FaultKind(Enum):
    """What happens to a part."""

    KILL_WORKER = "kill a worker"
    STOP_WORKER = "suspend a worker"
    RESTART_WORKER = "restart a worker"
    FILL_WORKERS_DISK = "fill a worker's disk"
    SET_WORKERS_CLOCK = "set a worker's clock"
    DELAY_MESSAGES = "delay messages"
    DOUBLE_MESSAGES = "double messages"
    DROP_MESSAGES = "drop messages"
    KILL_REPLICA = "kill a replica"
    STOP_REPLICA = "suspend a replica"
    RESTART_REPLICA = "restart a replica"
    KILL_VAULT = "kill a vault"
    STOP_VAULT = "suspend a vault"
    FILL_VAULTS_DISK = "fill a vault's disk"
    KILL_STORAGE = "kill a storage node"
    STOP_STORAGE = "suspend a storage node"
    FILL_STORAGES_DISK = "fill a storage node's disk"
    KILL_DATABASE = "kill PostgreSQL"
    STOP_DATABASE = "suspend PostgreSQL"
    KILL_CHAIN_NODE = "kill the chain node"
    STOP_CHAIN_NODE = "suspend the chain node"
    REORGANISE_CHAIN = "reorganise the chain"


@dataclass(frozen=True)
class Parts:
    """The names of the parts of a network that faults happen to, and of the links between workers and replicas."""

    workers: tuple[str, ...]
    replicas: tuple[str, ...]
    vaults: tuple[str, ...]
    storages: tuple[str, ...]
    database: str
    chain: str

    @property
    def links(self) -> tuple[str, ...]:
        """Return the names of the links: one to each replica."""
        return tuple(f"link-{replica}" for replica in self.replicas)


class Fault(msgspec.Struct, frozen=True):
    """One fault. ``amount`` is a probability, a number of blocks, or seconds of a clock, as its kind needs."""

    at: float  #: seconds after the begin
    kind: FaultKind
    target: str
    seconds: float  #: how long it lasts, or until a killed part is started again
    amount: float = 0.0


@dataclass(frozen=True)
class _Draw:
    """From where the target, the length and the amount of a kind are drawn."""

    group: str
    seconds: tuple[float, float]
    amount: tuple[float, float] = (0.0, 0.0)


_DRAWS: Final[Mapping[FaultKind, _Draw]] = {
    FaultKind.KILL_WORKER: _Draw("workers", (0.2, 4.0)),
    FaultKind.STOP_WORKER: _Draw("workers", (3.0, 45.0)),  # longer than a lease, sometimes
    FaultKind.RESTART_WORKER: _Draw("workers", (0.2, 2.0)),
    FaultKind.FILL_WORKERS_DISK: _Draw("workers", (5.0, 20.0)),
    FaultKind.SET_WORKERS_CLOCK: _Draw("workers", (20.0, 60.0), (-3600.0, 3600.0)),
    FaultKind.DELAY_MESSAGES: _Draw("links", (10.0, 25.0), (0.1, 2.0)),
    FaultKind.DOUBLE_MESSAGES: _Draw("links", (10.0, 25.0), (0.1, 0.5)),
    FaultKind.DROP_MESSAGES: _Draw("links", (10.0, 25.0), (0.05, 0.3)),
    FaultKind.KILL_REPLICA: _Draw("replicas", (0.2, 4.0)),
    FaultKind.STOP_REPLICA: _Draw("replicas", (3.0, 15.0)),
    FaultKind.RESTART_REPLICA: _Draw("replicas", (0.2, 2.0)),
    FaultKind.KILL_VAULT: _Draw("vaults", (0.2, 1.0)),
    FaultKind.STOP_VAULT: _Draw("vaults", (3.0, 15.0)),
    FaultKind.FILL_VAULTS_DISK: _Draw("vaults", (3.0, 10.0)),
    FaultKind.KILL_STORAGE: _Draw("storages", (0.2, 1.0)),
    FaultKind.STOP_STORAGE: _Draw("storages", (3.0, 12.0)),
    FaultKind.FILL_STORAGES_DISK: _Draw("storages", (3.0, 10.0)),
    FaultKind.KILL_DATABASE: _Draw("database", (0.2, 1.0)),
    FaultKind.STOP_DATABASE: _Draw("database", (2.0, 8.0)),
    FaultKind.KILL_CHAIN_NODE: _Draw("chain", (0.5, 3.0)),
    FaultKind.STOP_CHAIN_NODE: _Draw("chain", (2.0, 8.0)),
    FaultKind.REORGANISE_CHAIN: _Draw("chain", (0.0, 0.0), (1, 4)),
}


def draw_schedule(
    seed: int, seconds: float, count: int, parts: Parts, of: Sequence[FaultKind] = tuple(FaultKind)
) -> tuple[Fault, ...]:
    """Return ``count`` faults of some kinds within ``seconds``, in order; every kind occurs if ``count`` is enough.

    The same arguments give the same faults. They begin at equal distances with a random shift, and may overlap.
    """
    chance = random.Random(seed)
    kinds = [kind for _ in range(-(-count // len(of))) for kind in chance.sample(of, len(of))]
    begin, step = CALM_SHARE * seconds, (1 - CALM_SHARE) * seconds / max(1, count)
    return tuple(
        _draw(chance, kind, begin + step * (number + chance.random()), parts)
        for number, kind in enumerate(kinds[:count])
    )


def _draw(chance: random.Random, kind: FaultKind, at: float, parts: Parts) -> Fault:
    draw = _DRAWS[kind]
    group: str | tuple[str, ...] = getattr(parts, draw.group)
    target = group if isinstance(group, str) else chance.choice(group)
    return Fault(
        at=round(at, 2),
        kind=kind,
        target=target,
        seconds=round(chance.uniform(*draw.seconds), 2),
        amount=round(chance.uniform(*draw.amount), 2),
    )
