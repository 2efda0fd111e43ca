"""Rotate the key of an own model: its shares alone, or the key and with it the sealed file."""

from dataclasses import dataclass, replace

from sealgrid.sdk.connection import Connection
from sealgrid.sdk.operations import key_rotation
from sealgrid.sdk.operations.key_rotation import ModelKey
from sealgrid.sdk.operations.orders import count_offers, on_terms_of, sign_and_publish
from sealgrid.sdk.operations.prove import expect_provable, prove_or_say_how
from sealgrid.sdk.operations.publish import SealedFile
from sealgrid.sdk.operations.unlist import cancel, still_open
from sealgrid.sdk.progress import Progress, ProgressStep
from sealgrid.sdk.stores.model_store import ModelRecord, ModelStore
from sealgrid.units import Address


@dataclass(frozen=True, slots=True)
class RotationResult:
    """What a rotation left behind."""

    address: Address  #: of the model that is for sale now
    version: int  #: of its key
    offers: int  #: that were signed again, when it was sealed anew
    unreached: tuple[str, ...]  #: a sentence for each thing that is still to be done


async def rotate_shares(conn: Connection, kept: ModelRecord, app: Address | None, told: Progress) -> RotationResult:
    """Share the key anew; the model, its offers and its policy stay. ``app`` proves the new version, None: later."""
    if app is not None:
        await expect_provable(conn, app, told)
    version = await key_rotation.reshare(conn, ModelKey(kept.model, kept.checksum, bytes.fromhex(kept.dek)))
    if app is not None:
        await prove_or_say_how(conn, kept.model, app, told)
    return RotationResult(kept.model, version, 0, ())


async def rotate_key(
    conn: Connection, kept: ModelRecord, folder: ModelStore, app: Address | None, told: Progress
) -> RotationResult:
    """Seal the model anew, offer it on the same terms, withdraw the old one; in an order that loses nothing.

    ``app`` proves that the new one opens before it is offered; None leaves that for later.
    """
    old = ModelKey(kept.model, kept.checksum, bytes.fromhex(kept.dek))

    def keep(sealed: SealedFile) -> None:
        folder.keep(conn, sealed)

    if app is not None:
        await expect_provable(conn, app, told)
    sealed = await key_rotation.reseal(conn, old, name=kept.name, progress=told, keep=keep)
    if app is not None:
        await prove_or_say_how(conn, sealed.address, app, told)
    told(ProgressStep("offering it on the market"))
    found = await still_open(conn, kept.model, kept)
    for order, left in found.orders:
        again = on_terms_of(order, dataset=sealed.address, volume=left)
        await sign_and_publish(conn, again, lambda signed: keep(replace(sealed, order=signed)))
    told(ProgressStep("withdrawing the old one"))
    await cancel(conn, kept.model, [order for order, _ in found.orders])
    away = await key_rotation.withdraw(conn, kept.model)
    folder.succeed(kept, sealed.address)
    unreached = tuple(f"vault {vault} does not answer: its old share is still there." for vault in away)
    return RotationResult(
        sealed.address, 1, count_offers(order for order, _ in found.orders), found.unreached + unreached
    )
