"""An open database and the stores on it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sealgrid.vault.stores.database import DATABASE, VaultDatabase
from sealgrid.vault.stores.share_store import ShareStore
from sealgrid.vault.stores.task_store import TaskStore
from tests.unit.vault.vault_scene import AT_REST, FEDERATION


@pytest.fixture
def database(tmp_path: Path) -> Iterator[VaultDatabase]:
    with closing(VaultDatabase(tmp_path / DATABASE)) as database:
        yield database


@pytest.fixture
def task_store(database: VaultDatabase) -> TaskStore:
    return TaskStore(database, AT_REST, FEDERATION)


@pytest.fixture
def share_store(database: VaultDatabase) -> ShareStore:
    return ShareStore(database, AT_REST, FEDERATION)
