"""Admission of uploads: checks of the ticket (docs/protocol/storage.md), and the client's quota.

(ticket.1) The ticket names this node. (ticket.2) It expires within ten minutes. (ticket.3) Its account signed it.
(ticket.4) It was not used before. For the result of a task: (ticket.5) the task is active on the chain and its
contribution deadline has not passed, and (ticket.6) its pool authorised this account as the worker. During the
upload: (ticket.7) the file has at most the bytes of the ticket (``quotas``).

An upload counts for its network address if it has no ticket, if the account's balance is too low, or while the chain
cannot be read.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar

from sealgrid.attestation.statements import authorisation_signer
from sealgrid.errors import NotFound, ServiceUnavailable, TicketRefused
from sealgrid.storage_node.config import RLC, StorageNodeConfig
from sealgrid.storage_node.quota_types import ClientKind, StorageClientId
from sealgrid.units import Address, Digest, TaskId
from sealgrid.wire.chain_view import AccountBalance, TaskParties
from sealgrid.wire.message import parse
from sealgrid.wire.storage import NO_TASK, TICKET_SECONDS, ResultOpenedNotice, SignedTicket

MAX_CACHED: Final = 100_000  #: nonces and balances; the oldest are removed first
BALANCE_SECONDS: Final = 60.0  #: lifetime of a cached balance

K = TypeVar("K")
V = TypeVar("V")


class ChainQueries(Protocol):
    """Interface of ``sealgrid.wire.chain_view.ChainViewClient``."""

    async def account(self, account: Address) -> AccountBalance:
        """Return an account's balance."""

    async def task(self, task: TaskId) -> TaskParties:
        """Return a task's parties."""


@dataclass(frozen=True, slots=True)
class AdmittedUpload:
    """An upload with the client that it counts for."""

    client: StorageClientId
    size: int | None = None  #: most bytes of the file; None without a ticket
    account: Address | None = None  #: the requester of a result; of another file, who may have it removed


class UploadAdmission:
    """Checks the tickets of one node; ``clock`` returns Unix seconds."""

    def __init__(self, config: StorageNodeConfig, chain: ChainQueries | None, clock: Callable[[], float]) -> None:
        self._config, self._chain, self._clock = config, chain, clock
        self._nonces: OrderedDict[Digest, None] = OrderedDict()
        self._balances: OrderedDict[Address, tuple[float, int]] = OrderedDict()

    def address_client(self, address: str) -> StorageClientId:
        """Return the client of a network address."""
        config = self._config
        quota = (config.address_bytes, config.address_files, config.address_uploads)
        return StorageClientId(ClientKind.ADDRESS, f"address {address}", quota)

    async def admit(self, body: bytes, address: str) -> AdmittedUpload:
        """Return the client of an upload that starts with this body; raise TicketRefused or InputRefused."""
        by_address = AdmittedUpload(self.address_client(address))
        if not body or self._config.domain is None:
            return by_address
        signed = parse(body, SignedTicket)
        ticket = signed.ticket
        self._check(signed)  # (1) to (4)
        if ticket.task == NO_TASK:
            client = await self._account(ticket.account)
            stored_for = self._stored_for(signed)
            if client is None:
                return replace(by_address, account=stored_for)
            return AdmittedUpload(client, ticket.size, stored_for)
        return await self._result(signed) or by_address

    def _check(self, signed: SignedTicket) -> None:
        config, ticket, now = self._config, signed.ticket, self._clock()
        if not ticket.node or ticket.node not in {config.url, config.access.public_url}:  # (1)
            raise TicketRefused("ticket.1", f"this ticket is for {ticket.node[:80]!r}; this node is {config.url!r}.")
        if not now < ticket.expiry <= now + TICKET_SECONDS:  # (2)
            raise TicketRefused(
                "ticket.2",
                f"a ticket must expire within {TICKET_SECONDS} s; check this machine's clock, then sign another one.",
            )
        assert config.domain is not None
        if not ticket.is_signed_by(ticket.account, config.domain, signed.signature):  # (3)
            raise TicketRefused("ticket.3", "the ticket's account did not sign it.")
        if ticket.nonce in self._nonces:  # (4)
            raise TicketRefused("ticket.4", "this ticket was used already; sign another one.")
        _cache_entry(self._nonces, ticket.nonce, None)

    def _stored_for(self, signed: SignedTicket) -> Address:
        """Return the account that may have the file removed: the ticket's, or the one that a service stores it for."""
        account = signed.ticket.account
        return signed.stored_for if signed.stored_for and account in self._config.services else account

    def seconds(self) -> int:
        """Return the node's time, by which tickets expire."""
        return int(self._clock())

    def is_signed(self, notice: ResultOpenedNotice) -> bool:
        """Return whether the reader signed the notice."""
        domain, opened = self._config.domain, notice.opened
        return domain is not None and opened.is_signed_by(opened.reader, domain, notice.signature)

    async def owner_client(self, owner: Address) -> StorageClientId:
        """Return the client of a file that an asset on the chain names: its owner, with a balance or without."""
        without = replace(self.address_client(owner), name=f"owner {owner}")
        return await self._account(owner) or without

    async def _account(self, account: Address) -> StorageClientId | None:
        quota = self._config.balance_quota
        if account in self._config.services:
            return StorageClientId(ClientKind.ACCOUNT, account, (quota.max_bytes, quota.files, quota.uploads))
        return self._client(ClientKind.ACCOUNT, account, await self._balance(account))

    async def _result(self, signed: SignedTicket) -> AdmittedUpload | None:
        ticket, worker = signed.ticket, signed.worker
        if self._chain is None:
            return None
        try:
            parties = await self._chain.task(ticket.task)
        except NotFound as error:
            raise TicketRefused("ticket.5", "the chain knows no such task.") from error
        except ServiceUnavailable:
            return None
        if not parties.active:  # (5)
            raise TicketRefused("ticket.5", "this task ended, or its deadline has passed; its result is not needed.")
        authorised = worker is not None and parties.pool_signer == authorisation_signer(
            ticket.account, ticket.task, worker.enclave, worker.signature
        )
        if not authorised:  # (6)
            raise TicketRefused("ticket.6", "the task's pool did not authorise this worker.")
        client = self._client(ClientKind.RESULT, f"pool {parties.pool_owner}", parties.pool_balance)
        return None if client is None else AdmittedUpload(client, ticket.size, parties.requester)

    def _client(self, kind: ClientKind, name: str, balance: int) -> StorageClientId | None:
        quota = self._config.balance_quota
        if balance < quota.min_balance:
            return None
        size = min(balance * quota.bytes_per_rlc // RLC, quota.max_bytes)
        return StorageClientId(kind, name, (size, quota.files, quota.uploads))

    async def _balance(self, account: Address) -> int:
        now = self._clock()
        at, balance = self._balances.get(account, (now - 2 * BALANCE_SECONDS, 0))
        if now - at <= BALANCE_SECONDS or self._chain is None:
            return balance
        try:
            balance = (await self._chain.account(account)).balance
        except (NotFound, ServiceUnavailable):
            return balance  # the last known one
        _cache_entry(self._balances, account, (now, balance))
        return balance


def _cache_entry(cache: "OrderedDict[K, V]", key: K, value: V) -> None:
    cache[key] = value
    cache.move_to_end(key)
    if len(cache) > MAX_CACHED:
        cache.popitem(last=False)
