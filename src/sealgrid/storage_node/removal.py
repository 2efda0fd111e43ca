"""Checks of a request to remove a file (docs/protocol/storage.md).

(removal.1) ``account`` signed the statement, for this file. (removal.2) It was issued within ten minutes of the node's
time. (removal.3) No app and no other account's dataset names the file on the chain, and at most one dataset of this
account. (removal.4) No task of that dataset is open. (removal.5) The account stored the file here, or a service stored
it for the account, or a former owner of that dataset did; and not after ``issued`` (``quotas``).

Without a service that reads the chain, (3) and (4) are not checked, as no file is then kept for an asset.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from sealgrid.crypto.signing import Domain
from sealgrid.errors import CallRefused
from sealgrid.units import Address, Digest
from sealgrid.wire.chain_view import FileAddresses, NamingAsset
from sealgrid.wire.storage import SignedRemoval

REMOVAL_SECONDS: Final = 600


class NamingQueries(Protocol):
    """Interface of ``sealgrid.wire.chain_view.ChainViewClient``."""

    async def naming_assets(self, file: FileAddresses) -> tuple[NamingAsset, ...]:
        """Return the assets that name a file."""


@dataclass(frozen=True, slots=True)
class AdmittedRemoval:
    """A removal that passed the checks (removal.1) to (removal.4)."""

    file: Digest
    accounts: frozenset[Address]  #: whose holds it removes
    issued: int


class RemovalAdmission:
    """Checks the removals of one node; ``clock`` returns Unix seconds."""

    def __init__(self, domain: Domain | None, chain: NamingQueries | None, clock: Callable[[], float]) -> None:
        self._domain, self._chain, self._clock = domain, chain, clock

    async def admit(self, signed: SignedRemoval, file: FileAddresses) -> AdmittedRemoval:
        """Return the holds that a removal is for; raise CallRefused, or ServiceUnavailable without the chain."""
        removal = signed.removal
        is_signed = self._domain is not None and removal.is_signed_by(removal.account, self._domain, signed.signature)
        if removal.file_sha256 != file.sha256 or not is_signed:  # (1)
            raise CallRefused("removal.1", "the account did not sign this removal.")
        if abs(removal.issued - self._clock()) > REMOVAL_SECONDS:  # (2)
            raise CallRefused(
                "removal.2",
                f"a removal is valid for {REMOVAL_SECONDS} s after it is signed; check this machine's clock, then "
                "sign another one.",
            )
        assets = () if self._chain is None else await self._chain.naming_assets(file)
        if any(not asset.is_dataset or asset.owner != removal.account for asset in assets):  # (3)
            raise CallRefused("removal.3", "an app, or a model of another account, names the same file on the chain.")
        if len(assets) > 1:  # (3)
            raise CallRefused("removal.3", f"{len(assets)} models of this account name the same file on the chain.")
        if any(asset.open_until for asset in assets):  # (4)
            raise CallRefused("removal.4", "runs of this model that were bought have not ended, and need the file.")
        former = {account for asset in assets for account in asset.former_owners}
        return AdmittedRemoval(file.sha256, frozenset({removal.account, *former}), removal.issued)
