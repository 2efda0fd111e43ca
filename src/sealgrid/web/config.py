"""What the web app is told when it starts."""

from dataclasses import dataclass
from pathlib import Path

from sealgrid.sdk.network import Network
from sealgrid.wire.service_access import DEFAULT_ACCESS, ServiceAccess


@dataclass(frozen=True, slots=True)
class WebConfig:
    """Settings of the web app; read once, never changed."""

    folder: Path  #: its index of the chain, which can always be made again
    network: Network
    libraries: Path  #: where set-up put the pinned scripts that pages load
    storage_key_file: Path | None = None  #: key of the account whose uploads visitors' files are
    access: ServiceAccess = DEFAULT_ACCESS
    followers_per_client: int = 20  #: live timelines that one client may have open
    followers_per_task: int = 50  #: live timelines of one task
    data: Path | None = None  #: where the development accounts' job keys are kept; None for no built-in wallet
