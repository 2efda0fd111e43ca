"""Bonds: escrow that an open pool requires from workers without an invitation."""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from sealgrid.chain.views import AccountView
from sealgrid.errors import CallRefused
from sealgrid.units import Address, rlc_number

BOND_SECONDS: Final = 30.0  #: for which a bond that was read on the chain counts
_MAX_READ: Final = 10_000  #: bonds that are remembered


class WorkerBonds:
    """Compares the escrow of workers with the bond of one pool, in nRLC; 0 requires none.

    What the hub locks for a worker's contributions belongs to its bond: PoCo takes it after a lie. ``account_of`` reads
    the hub, ``joined_openly`` tells whether a worker joined without an invitation, ``clock`` returns seconds.
    """

    def __init__(
        self,
        bond: int,
        account_of: Callable[[Address], Awaitable[AccountView]],
        joined_openly: Callable[[Address], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bond, self._account_of, self._joined_openly, self._clock = bond, account_of, joined_openly, clock
        self._read: dict[Address, float] = {}  # workers with a bond → when the chain said so

    async def require_of_member(self, worker: Address) -> None:
        """Raise CallRefused if a worker of the pool joined openly and its escrow is below the bond."""
        if self._bond and not self._was_read(worker) and self._joined_openly(worker):
            await self.require(worker)

    async def require(self, worker: Address) -> None:
        """Raise CallRefused if the escrow of a worker is below the bond."""
        if not self._bond or self._was_read(worker):
            return
        account = await self._account_of(worker)
        escrow = account.stake + account.locked
        if escrow < self._bond:
            raise CallRefused(
                "join.4",
                f"worker {worker} has {rlc_number(escrow)} RLC in escrow, and this open pool requires a bond of "
                f"{rlc_number(self._bond)} RLC; deposit it with: "
                f"sealgrid worker deposit {worker} {rlc_number(self._bond - escrow)}",
            )
        if len(self._read) >= _MAX_READ:
            self._read.clear()
        self._read[worker] = self._clock()

    def _was_read(self, worker: Address) -> bool:
        return self._clock() - self._read.get(worker, -BOND_SECONDS) < BOND_SECONDS
