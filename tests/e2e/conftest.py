"""A local network, started once with ``sealgrid up``, and connections of several accounts to it."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from sealgrid.chain.accounts import development_key
from sealgrid.sdk.connection import Connection, connect
from sealgrid.sdk.operations import deploy
from tests.e2e.iexec_deals import IexecAssets, deploy_dataset
from tests.e2e.running_network import RunningNetwork, start_network


@pytest.fixture(scope="session")
def localnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNetwork]:
    running = start_network(tmp_path_factory.mktemp("localnet"))
    yield running
    running.stop()


@dataclass(frozen=True)
class People:
    developer: Connection
    owner: Connection
    requester: Connection
    requester2: Connection
    stranger: Connection


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def people(localnet: RunningNetwork) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        names = People.__dataclass_fields__
        yield People(
            **{
                name: await stack.enter_async_context(connect(localnet.network, development_key(name)))
                for name in names
            }
        )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def goods(people: People, tmp_path_factory: pytest.TempPathFactory) -> IexecAssets:
    """Deploy an app in iExec's style, and a dataset whose key is pushed as by iExec's SDK."""
    folder = tmp_path_factory.mktemp("app")
    shutil.copy(Path(__file__).parent / "iexec_style_app.py", folder / "app.py")
    (folder / "app.toml").write_text('name = "for-iexecs-client"\nversion = "1"\nentrypoint = ["app.py"]\n')
    app = await deploy.deploy(people.developer, folder, price=0, any_pool=True)
    return IexecAssets(app.address, await deploy_dataset(people.owner, "a table"))
