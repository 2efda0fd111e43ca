"""Operations for an account with an external wallet: record the steps that the wallet must sign.

Transactions, orders, policies and removals are recorded in order instead of being sent. Nothing changes on the chain,
at the market, the vaults or the storage until the wallet has signed each step.
"""

from collections.abc import Callable
from dataclasses import replace

import msgspec

from sealgrid.attestation.policy import Policy
from sealgrid.attestation.statements import FileRemoval
from sealgrid.chain.wallet import RecordingWallet, UnsignedTransaction
from sealgrid.crypto.signing import ExternalKey, SigningKey
from sealgrid.sdk.connection import Connection
from sealgrid.units import ZERO_DIGEST, Address, Digest
from sealgrid.wire.market import Kind, MarketClient
from sealgrid.wire.storage import SignedRemoval, StorageClient
from sealgrid.wire.vault import AssetView, PolicyRequest, VaultClient


class UnsignedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An unsigned order, as a document."""

    kind: Kind
    order: dict[str, str]


class UnsignedPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """An unsigned policy, for every vault."""

    policy: Policy


class UnsignedRemoval(msgspec.Struct, frozen=True, kw_only=True):
    """An unsigned removal of a file, for every storage node."""

    removal: FileRemoval


Step = UnsignedTransaction | UnsignedOrder | UnsignedPolicy | UnsignedRemoval


def recording_connection(conn: Connection, address: Address) -> tuple[Connection, list[Step]]:
    """Return a connection that records steps for an external wallet, and the list of these steps."""
    steps: list[Step] = []

    def record(step: Step) -> None:
        if step not in steps:  # all vaults get the same policy, all storage nodes the same removal
            steps.append(step)

    return replace(
        conn,
        key=ExternalKey(address),
        wallet=RecordingWallet(conn.node, address, steps.append),
        market=_RecordingMarket(conn.market, record),
        vaults=tuple(_RecordingVault(vault, record) for vault in conn.vaults),
        storage_nodes=tuple(_RecordingStorage(node, record) for node in conn.storage_nodes),
    ), steps


class _RecordingMarket(MarketClient):
    def __init__(self, real: MarketClient, record: Callable[[Step], None]) -> None:
        super().__init__(real.transport, real.chain)
        self._record = record

    async def publish(self, kind: Kind, order: dict[str, str], key: SigningKey) -> Digest:  # noqa: ARG002  as there
        self._record(UnsignedOrder(kind=kind, order=order))
        return ZERO_DIGEST


class _RecordingVault(VaultClient):
    def __init__(self, real: VaultClient, record: Callable[[Step], None]) -> None:
        super().__init__(real.transport)
        self._record = record

    async def set_policy(self, request: PolicyRequest) -> AssetView:
        self._record(UnsignedPolicy(policy=request.policy))
        return await self.asset(request.policy.asset, request.policy.owner)


class _RecordingStorage(StorageClient):
    def __init__(self, real: StorageClient, record: Callable[[Step], None]) -> None:
        super().__init__(real.transport, url=real.url)
        self._record = record

    async def remove(self, signed: SignedRemoval) -> int:
        self._record(UnsignedRemoval(removal=signed.removal))
        return 0
