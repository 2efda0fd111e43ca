"""Deposit a key at the vaults: split it, sign the record, seal each share to its vault, verify the receipts."""

import os
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from sealgrid.attestation.policy import Policy
from sealgrid.attestation.statements import InputGrant
from sealgrid.attestation.task_inputs import TaskInputProof
from sealgrid.crypto.shares import KeyRecord, record_from_shares, split
from sealgrid.errors import InputRefused
from sealgrid.sdk.concurrency import require_replies
from sealgrid.sdk.connection import Connection
from sealgrid.units import Address, Digest, to_digest
from sealgrid.wire.deposits import check_identity, check_receipt, seal_to_vault
from sealgrid.wire.quorum import call_all
from sealgrid.wire.vault import DepositRequest, VaultClient, VaultIdentity

Part = Callable[[VaultIdentity, Digest], bytes]  #: seals one vault's share to it, under the record's digest


async def deposit(
    conn: Connection,
    dek: bytes,
    *,
    asset: Address,
    file_sha256: Digest,
    version: int = 1,
    policy: Policy | None = None,
    grant: InputGrant | None = None,
    task_input: TaskInputProof | None = None,
    at_least: int | None = None,
) -> KeyRecord:
    """Deposit a 32-byte key at every vault; return once ``at_least`` of them (default: all) signed for their share.

    Long-lived keys need all vaults, so any t of them can release later; the input of one run needs t (ADR 10). Raises
    a vault's refusal, or ServiceUnavailable when too few vaults answer.
    """
    network = conn.network
    needed = len(network.vaults) if at_least is None else at_least
    shares = split(dek, len(network.vaults), network.threshold, os.urandom)
    record = record_from_shares(
        hub=network.hub,
        asset=asset,
        owner=conn.address,
        version=version,
        file_sha256=file_sha256,
        t=network.threshold,
        vaults=conn.vault_addresses,
        shares=shares,
    )
    common = DepositRequest(
        record=record,
        signature=record.sign(conn.domain, conn.key),
        index=0,
        sealed=b"",
        policy=policy,
        policy_signature=policy.sign(conn.domain, conn.key) if policy else b"",
        grant=grant,
        grant_signature=grant.sign(conn.domain, conn.key) if grant else b"",
        task_input=task_input or msgspec.UNSET,
    )
    await _deposit_all(conn, common, [partial(seal_to_vault, share) for share in shares], needed)
    return record


async def deposit_sealed_shares(conn: Connection, common: DepositRequest, sealed: Sequence[bytes], needed: int) -> None:
    """Deposit shares that the owner sealed in a browser, in the vaults' order; raise like ``deposit``."""
    if common.record.vaults != conn.vault_addresses or len(sealed) != len(conn.vaults):
        raise InputRefused(
            "this key is for other vaults than the network's; seal one share to each vault of the network."
        )
    await _deposit_all(conn, common, [partial(_presealed, part) for part in sealed], needed)


def _presealed(part: bytes, _identity: VaultIdentity, _record: Digest) -> bytes:
    return part


async def _deposit_all(conn: Connection, common: DepositRequest, parts: Sequence[Part], needed: int) -> None:
    deposits = [
        _deposit_share(conn, vault, position, part, common)
        for position, (vault, part) in enumerate(zip(conn.vaults, parts, strict=True))
    ]
    require_replies(await call_all(deposits, enough=needed), needed)


async def _deposit_share(
    conn: Connection, vault: VaultClient, position: int, part: Part, common: DepositRequest
) -> None:
    address, index = common.record.vaults[position], position + 1
    identity, record = await vault.identity(), to_digest(common.record.digest(conn.domain))
    check_identity(identity, address, conn.domain)
    sealed = part(identity, record)
    reply = await vault.deposit(msgspec.structs.replace(common, index=index, sealed=sealed))
    check_receipt(reply, record=record, vault=address, index=index, domain=conn.domain)
