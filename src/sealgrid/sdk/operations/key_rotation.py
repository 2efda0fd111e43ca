"""Share a model's key anew, or seal the model under a new key; the vaults destroy what they held before.

Sharing anew (a fresh polynomial, fresh blinds, a higher version) makes every share that anybody copied worthless, and
gives a federation its shares after its vaults changed. It does not help where t old shares, or the key, are out: for
that the model is sealed again.
"""

import asyncio
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sealgrid.attestation.policy import Policy
from sealgrid.attestation.statements import Withdrawal
from sealgrid.chain.assets import Assets
from sealgrid.errors import NotFound, ServiceUnavailable
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.model_cards import card_of, encoded
from sealgrid.sdk.operations import publish
from sealgrid.sdk.operations.deposit import deposit
from sealgrid.sdk.operations.key_versions import versions_in, views_of
from sealgrid.sdk.operations.publish import SealedFile
from sealgrid.sdk.progress import Progress, silent
from sealgrid.units import Address, Digest
from sealgrid.wire.storage import location
from sealgrid.wire.vault import AssetView, WithdrawRequest


@dataclass(frozen=True, slots=True)
class ModelKey:
    """A model's key, as its owner kept it."""

    model: Address
    checksum: Digest  #: sha256 of the sealed file
    dek: bytes


async def reshare(conn: Connection, key: ModelKey) -> int:
    """Split a key anew for the network's present vaults, under the newest policy; return the new version.

    Every vault must answer. One that fails in the middle keeps its old share, which no other vault's fits any more: do
    it again once it is back. Raises NotFound when no vault knows a policy for the model.
    """
    views = await views_of(conn, key.model, conn.address)
    version = 1 + max((each.number for each in versions_in(views)), default=0)
    await deposit(
        conn,
        key.dek,
        asset=key.model,
        file_sha256=key.checksum,
        version=version,
        policy=_newest_policy(conn, key.model, views),
    )
    return version


async def reseal(
    conn: Connection,
    key: ModelKey,
    *,
    name: str,
    progress: Progress = silent,
    keep: Callable[[SealedFile], None] = lambda sealed: None,
) -> SealedFile:
    """Seal a model's file under a new key and register it, since a checksum on the chain never changes.

    The vaults get the new key under the old model's policy. ``keep`` gets the key before they do. Nothing is offered
    yet, and the old model is left as it is.
    """
    policy = _newest_policy(conn, key.model, await views_of(conn, key.model, conn.address))
    dek = os.urandom(publish.DEK_BYTES)
    with tempfile.TemporaryDirectory(prefix="sealgrid-") as folder:
        plain = await publish.recover(conn, key.checksum, key.dek, Path(folder) / "plain")
        card = encoded(await card_of(conn.storage, key.checksum))
        checksum, _ = await publish.seal_and_upload(conn, plain, dek, progress, card)
    where = location(checksum)
    model = await Assets(conn.hub).create_dataset(conn.wallet, name=name, multiaddr=where, checksum=checksum)
    sealed = SealedFile(model, name, checksum, dek)
    keep(sealed)
    await deposit(
        conn, dek, asset=model, file_sha256=checksum, policy=msgspec.structs.replace(policy, asset=model, version=1)
    )
    return sealed


async def withdraw(conn: Connection, model: Address) -> tuple[Address, ...]:
    """Have the vaults destroy their shares of a model's key; return the vaults that did not answer.

    Runs that were bought and got no key yet end without one, and are refunded.
    """
    newest = max((each.number for each in versions_in(await views_of(conn, model, conn.address))), default=0)
    word = Withdrawal(asset=model, owner=conn.address, version=newest)
    request = WithdrawRequest(withdrawal=word, signature=word.sign(conn.domain, conn.key))
    replies = await asyncio.gather(*(vault.withdraw(request) for vault in conn.vaults), return_exceptions=True)
    for reply in replies:
        if isinstance(reply, BaseException) and not isinstance(reply, ServiceUnavailable | NotFound):
            raise reply
    told = zip(conn.vault_addresses, replies, strict=True)
    return tuple(vault for vault, reply in told if isinstance(reply, ServiceUnavailable))


def _newest_policy(conn: Connection, model: Address, views: Sequence[AssetView | None]) -> Policy:
    # A vault may tell anything: what counts is what this account signed.
    signed = [
        view.policy
        for view in views
        if view is not None and view.policy is not None and _is_ours(conn, model, view.policy, view.policy_signature)
    ]
    if not signed:
        raise NotFound(f"no vault has a policy of yours for {model}; nobody could use it.")
    return max(signed, key=lambda policy: policy.version)


def _is_ours(conn: Connection, model: Address, policy: Policy, signature: bytes) -> bool:
    return policy.asset == model and policy.is_signed_by(conn.address, conn.domain, signature)
