"""Accounts of fleets, as a pool checks them: the known code, and a delegation of the worker for this pool."""

from typing import Final

from sealgrid.chain.hub import Hub
from sealgrid.chain.worker_account import WorkerAccount
from sealgrid.errors import InputRefused
from sealgrid.units import Address

_MAX_KNOWN: Final = 10_000  #: accounts whose code was compared


class WorkerAccounts:
    """Checks delegations for one pool on the chain."""

    def __init__(self, hub: Hub, pool: Address) -> None:
        self._hub, self._pool = hub, pool
        self._known: set[Address] = set()  # code never changes

    async def require(self, account: Address, worker: Address) -> None:
        """Raise InputRefused unless a worker is a delegate of an account for this pool now.

        The pool pays the gas of the account's calls, so that the account has no other code than the known one.
        """
        contract = WorkerAccount(self._hub.node, account)
        if account not in self._known:
            await contract.require_of(self._hub.address)
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known.add(account)
        delegation, head = await contract.delegation(worker, self._pool), await self._hub.node.block()
        if delegation.expiry <= head.timestamp:
            raise InputRefused(
                f"account {account} lets worker {worker} do nothing for pool {self._pool}; its owner delegates with: "
                f"sealgrid worker account delegate {account} {worker}"
            )
