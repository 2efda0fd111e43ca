"""One vault with real stores, whose chain is a snapshot."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sealgrid.vault.service import Vault
from tests.unit.vault.vault_service import SnapshotChain, open_vault


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Vault, SnapshotChain]]:
    with open_vault(tmp_path / "vault") as opened:
        yield opened


@pytest.fixture
def vault(opened: tuple[Vault, SnapshotChain]) -> Vault:
    return opened[0]


@pytest.fixture
def chain(opened: tuple[Vault, SnapshotChain]) -> SnapshotChain:
    return opened[1]
