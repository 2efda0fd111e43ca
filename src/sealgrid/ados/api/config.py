"""The settings file of the API."""

from pathlib import Path
from typing import Annotated, Final

import msgspec

from sealgrid.ados.api.store import TransactionLimits
from sealgrid.sdk.stores.private_files import write_private
from sealgrid.wire.service_access import LOOPBACK, ServiceAccess
from sealgrid.wire.settings_file import read_settings, require_new, toml

_WHAT: Final = "the API of ADOS"


class ApiFile(ServiceAccess, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file may have besides the access settings of every service. Paths are relative to its folder."""

    folder: Path = Path("ados-api")  #: API keys and transactions
    host: str = LOOPBACK
    port: int = 8570
    app: str = "ados"  #: name or address; an address cannot be taken by another app of the name
    pool: str = ""  #: where computing is bought; empty for the pools of the network file
    data_origins: tuple[str, ...] = ()  #: from which readings are fetched, as https://bucket.example
    largest_data: int = 32 << 20  #: bytes of readings
    largest_body: int = 4 << 20  #: bytes of a request, with the readings of a data: URL
    keep_days: Annotated[int, msgspec.Meta(ge=1)] = 30  #: of a transaction after its end
    keep_transactions: Annotated[int, msgspec.Meta(ge=1)] = 10_000  #: of one API key that have ended, the newest
    open_transactions: Annotated[int, msgspec.Meta(ge=1)] = 200  #: of one API key without an end

    def config(self, base: Path) -> "ApiConfig":
        """Return the settings of the API whose file is in ``base``."""
        return ApiConfig(
            folder=base / self.folder,
            host=self.host,
            port=self.port,
            app=self.app,
            pool=self.pool or None,
            data_origins=self.data_origins,
            largest_data=self.largest_data,
            largest_body=self.largest_body,
            limits=TransactionLimits(
                seconds=self.keep_days * 86_400, ended=self.keep_transactions, unfinished=self.open_transactions
            ),
            access=self.relative_to(base),
        )


class ApiConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of the API."""

    folder: Path
    host: str = LOOPBACK
    port: int = 8570
    app: str = "ados"
    pool: str | None = None
    data_origins: tuple[str, ...] = ()
    largest_data: int = 32 << 20
    largest_body: int = 4 << 20
    limits: TransactionLimits = TransactionLimits()
    access: ServiceAccess = ServiceAccess()

    @property
    def keys(self) -> Path:
        """Return the folder of the API keys."""
        return self.folder / "keys"

    @property
    def transactions(self) -> Path:
        """Return the folder of the transactions."""
        return self.folder / "transactions"


def read_config(path: Path) -> ApiConfig:
    """Return the settings in a file; raise InputRefused for one that is not valid."""
    return read_settings(path, ApiFile, _WHAT).config(path.parent)


def create_config(path: Path) -> None:
    """Write a settings file with the defaults; raise InputRefused if it exists."""
    require_new(path)
    shown = ("folder", "host", "port", "app", "pool", "data_origins", "largest_data", "largest_body")
    more = ("keep_days", "public_url", "requests_per_minute", "trusted_proxies", "admin")
    defaults = msgspec.structs.asdict(ApiFile())
    write_private(
        path, ("\n".join([_HEAD, *(f"{name} = {toml(defaults[name])}" for name in shown + more)]) + "\n").encode()
    )


_HEAD: Final = "# Settings of the API of ADOS; docs/howto/serve-ados.md and behind-a-proxy.md explain them."
