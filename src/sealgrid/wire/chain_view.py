"""What a storage node asks a service that reads the chain for it: balances, tasks, and which files assets name."""

from sealgrid.units import Address, Digest, TaskId
from sealgrid.wire.message import Message, Transport, call

MAX_FILES_PER_REQUEST = 500  #: files in one question


class AccountBalance(Message, frozen=True, kw_only=True):
    """What an account has in PoCo's escrow."""

    balance: int  #: nRLC, free and locked


class TaskParties(Message, frozen=True, kw_only=True):
    """Who is concerned with a task."""

    active: bool  #: initialised, not ended, and its contribution deadline has not passed
    requester: Address
    pool_owner: Address
    pool_signer: Address  #: who authorises the pool's workers: the owner, or the operator of its gate
    pool_balance: int  #: nRLC of the owner, free and locked


class FileAddresses(Message, frozen=True, kw_only=True):
    """One stored file under every name that it has."""

    sha256: Digest
    cids: tuple[str, ...]


class NamedQuestion(Message, frozen=True, kw_only=True):
    """Which of these files does an app or a dataset on the chain name?"""

    files: tuple[FileAddresses, ...]


class NamedAnswer(Message, frozen=True, kw_only=True):
    """Those that one names, by checksum or by address."""

    named: tuple[Digest, ...]


class ChainViewClient:
    """Ask the service."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def account(self, account: Address) -> AccountBalance:
        """Return an account's balance."""
        return await call(self._transport, "GET", f"/chain/accounts/{account}", None, AccountBalance)

    async def task(self, task: TaskId) -> TaskParties:
        """Return a task's parties; raise NotFound."""
        return await call(self._transport, "GET", f"/chain/tasks/{task}", None, TaskParties)

    async def named(self, files: tuple[FileAddresses, ...]) -> frozenset[Digest]:
        """Return which of at most MOST_ASKED files assets name; raise ServiceUnavailable while it lags."""
        question = NamedQuestion(files=files)
        return frozenset((await call(self._transport, "POST", "/chain/named", question, NamedAnswer)).named)
