"""Work for an account whose key is in a wallet of its own: do everything but sign, and list what is left to sign.

Whatever the SDK would send or publish is written down instead, in its order. Nothing on the chain, at the market or
at the vaults changes; each step counts once the wallet has signed it.
"""

from collections.abc import Callable
from dataclasses import replace

import msgspec

from sealgrid.attestation.policy import Policy
from sealgrid.chain.wallet import RecordingWallet, UnsignedTransaction
from sealgrid.crypto.signing import ExternalKey, SigningKey
from sealgrid.sdk.connection import Connection
from sealgrid.units import ZERO_DIGEST, Address, Digest
from sealgrid.wire.market import Kind, MarketClient
from sealgrid.wire.vault import AssetView, PolicyRequest, VaultClient


class UnsignedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that nobody signed yet, as a document."""

    kind: Kind
    order: dict[str, str]


class UnsignedPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that nobody signed yet; every vault is to get it."""

    policy: Policy


Step = UnsignedTransaction | UnsignedOrder | UnsignedPolicy


def on_paper(conn: Connection, address: Address) -> tuple[Connection, list[Step]]:
    """Return a connection of an account whose key is elsewhere, and the list into which it writes the steps."""
    steps: list[Step] = []

    def write(step: Step) -> None:
        if step not in steps:  # every vault gets the same policy
            steps.append(step)

    return replace(
        conn,
        key=ExternalKey(address),
        wallet=RecordingWallet(conn.node, address, steps.append),
        market=_RecordingMarket(conn.market, write),
        vaults=tuple(_RecordingVault(vault, write) for vault in conn.vaults),
    ), steps


class _RecordingMarket(MarketClient):
    def __init__(self, real: MarketClient, write: Callable[[Step], None]) -> None:
        super().__init__(real.transport, real.chain)
        self._write_down = write

    async def publish(self, kind: Kind, order: dict[str, str], key: SigningKey) -> Digest:  # noqa: ARG002  as there
        self._write_down(UnsignedOrder(kind=kind, order=order))
        return ZERO_DIGEST


class _RecordingVault(VaultClient):
    def __init__(self, real: VaultClient, write: Callable[[Step], None]) -> None:
        super().__init__(real.transport)
        self._write_down = write

    async def set_policy(self, request: PolicyRequest) -> AssetView:
        self._write_down(UnsignedPolicy(policy=request.policy))
        return await self.asset(request.policy.asset, request.policy.owner)
