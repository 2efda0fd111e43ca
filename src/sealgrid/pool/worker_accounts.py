"""Accounts of fleets, as a pool checks them: the known code, and a delegation of the worker for this pool."""

from typing import Final

from sealgrid.chain.hub import Hub
from sealgrid.chain.worker_account import WorkerAccount
from sealgrid.errors import InputRefused
from sealgrid.units import Address

_MAX_KNOWN: Final = 10_000  #: accounts whose code was compared


class WorkerAccounts:
    """Checks delegations for one pool on the chain; ``served`` are the accounts that its owner chose, None for all."""

    def __init__(self, hub: Hub, pool: Address, served: frozenset[Address] | None = None) -> None:
        self._hub, self._pool, self.served = hub, pool, served
        self._known: set[Address] = set()  # code never changes

    async def require(self, account: Address, worker: Address, until: int | None = None) -> None:
        """Raise InputRefused unless a worker is a delegate of an account for this pool, now and until a time.

        The pool pays the gas of the account's calls, so the account must have the known code.
        """
        if self.served is not None and account not in self.served:
            raise InputRefused(f"pool {self._pool} sends no results of worker account {account}; ask the pool's owner.")
        contract = WorkerAccount(self._hub.node, account)
        if account not in self._known:
            await contract.require_of(self._hub.address)
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known.add(account)
        await contract.require_delegation(worker, self._pool, until)
