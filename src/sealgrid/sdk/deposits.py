"""Give a key to the vaults: split it, sign the record, seal each share to its vault, keep the receipts."""

import os

import msgspec

from sealgrid.attestation.policy import Policy
from sealgrid.attestation.statements import InputGrant
from sealgrid.crypto.shares import KeyRecord, Share, record_for, split
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.federation import require
from sealgrid.units import Address, Digest, to_digest
from sealgrid.wire.deposits import check_identity, check_receipt, sealed_part
from sealgrid.wire.quorum import ask_all
from sealgrid.wire.vault import DepositRequest, VaultClient


async def deposit(
    conn: Connection,
    dek: bytes,
    *,
    asset: Address,
    file_sha256: Digest,
    version: int = 1,
    policy: Policy | None = None,
    grant: InputGrant | None = None,
    at_least: int | None = None,
) -> KeyRecord:
    """Deposit a 32-byte key at every vault; return once ``at_least`` of them, or else all, signed for their share.

    What is used for a long time needs all, so that t of them can open it whichever others are away then; the input of
    one run needs t (ADR 10). Raises what the vaults refused, or ServiceUnavailable when too few of them answer.
    """
    network = conn.network
    needed = len(network.vaults) if at_least is None else at_least
    shares = split(dek, len(network.vaults), network.threshold, os.urandom)
    record = record_for(
        hub=network.hub, asset=asset, owner=conn.address, version=version, file_sha256=file_sha256,
        t=network.threshold, vaults=conn.vault_addresses, shares=shares,
    )  # fmt: skip
    common = DepositRequest(
        record=record,
        signature=record.sign(conn.domain, conn.key),
        index=0,
        sealed=b"",
        policy=policy,
        policy_signature=policy.sign(conn.domain, conn.key) if policy else b"",
        grant=grant,
        grant_signature=grant.sign(conn.domain, conn.key) if grant else b"",
    )
    members = zip(conn.vaults, conn.vault_addresses, shares, strict=True)
    given = await ask_all(
        [_give(conn, vault, address, share, common) for vault, address, share in members], enough=needed
    )
    require(given, needed)
    return record


async def _give(conn: Connection, vault: VaultClient, address: Address, share: Share, common: DepositRequest) -> None:
    identity, record = await vault.identity(), to_digest(common.record.digest(conn.domain))
    check_identity(identity, address, conn.domain)
    sealed = sealed_part(share, identity, record)
    reply = await vault.deposit(msgspec.structs.replace(common, index=share.index, sealed=sealed))
    check_receipt(reply, record=record, vault=address, index=share.index, domain=conn.domain)
