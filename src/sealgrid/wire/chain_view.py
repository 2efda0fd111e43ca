"""Messages and client of the service that reads the chain for a storage node (docs/protocol/storage.md)."""

from sealgrid.units import ZERO_ADDRESS, Address, Digest, TaskId
from sealgrid.wire.message import Message, Transport, call

MAX_FILES_PER_REQUEST = 500  #: files in one request


class AccountBalance(Message, frozen=True, kw_only=True):
    """Balance of an account in PoCo's escrow."""

    balance: int  #: nRLC, free and locked


class TaskParties(Message, frozen=True, kw_only=True):
    """Parties of a task."""

    active: bool  #: initialised, not ended, and its contribution deadline has not passed
    requester: Address
    pool_owner: Address
    pool_signer: Address  #: signer of worker authorisations: the owner, or the operator of the PoolGate
    pool_balance: int  #: nRLC of the owner, free and locked


class FileAddresses(Message, frozen=True, kw_only=True):
    """All addresses of one stored file."""

    sha256: Digest
    cids: tuple[str, ...]


class NamedQuestion(Message, frozen=True, kw_only=True):
    """Request: which of these files does an app or dataset on the chain name?"""

    files: tuple[FileAddresses, ...]


class NamedAnswer(Message, frozen=True, kw_only=True):
    """Files that an asset names, by checksum or by address."""

    named: tuple[Digest, ...]


class NamingAsset(Message, frozen=True, kw_only=True):
    """An app or dataset that names a file."""

    address: Address
    is_dataset: bool
    owner: Address
    former_owners: tuple[Address, ...]  #: its creator included
    open_until: int  #: Unix seconds: the last final deadline of a deal with tasks that have not ended; 0 for none


class NamingAssets(Message, frozen=True, kw_only=True):
    """All assets that name one file; the first 100 if there are more."""

    assets: tuple[NamingAsset, ...]


class AssetFile(Message, frozen=True, kw_only=True):
    """A file that an app or dataset on the chain names."""

    sha256: Digest
    owner: Address  #: of the asset


class AssetFilesQuestion(Message, frozen=True, kw_only=True):
    """Request: which files do the assets name whose addresses come after this one?"""

    after: Address = ZERO_ADDRESS


class AssetFiles(Message, frozen=True, kw_only=True):
    """The files of the next assets, in the order of the assets' addresses."""

    files: tuple[AssetFile, ...]
    after: Address | None = None  #: where the next request goes on; None after the last asset


class ChainViewClient:
    """Client of the service."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def account(self, account: Address) -> AccountBalance:
        """Return an account's balance."""
        return await call(self._transport, "GET", f"/chain/accounts/{account}", None, AccountBalance)

    async def task(self, task: TaskId) -> TaskParties:
        """Return a task's parties; raise NotFound."""
        return await call(self._transport, "GET", f"/chain/tasks/{task}", None, TaskParties)

    async def named(self, files: tuple[FileAddresses, ...]) -> frozenset[Digest]:
        """Return which of at most MAX_FILES_PER_REQUEST files assets name; raise ServiceUnavailable while it lags."""
        question = NamedQuestion(files=files)
        return frozenset((await call(self._transport, "POST", "/chain/named", question, NamedAnswer)).named)

    async def asset_files(self, after: Address = ZERO_ADDRESS) -> AssetFiles:
        """Return files that assets name, a page at a time; raise ServiceUnavailable while the service lags."""
        return await call(self._transport, "POST", "/chain/files", AssetFilesQuestion(after=after), AssetFiles)

    async def naming_assets(self, file: FileAddresses) -> tuple[NamingAsset, ...]:
        """Return the assets that name a file, as of the chain's head; raise ServiceUnavailable while it lags."""
        return (await call(self._transport, "POST", "/chain/naming", file, NamingAssets)).assets
