"""A whole local network, started once by the command that people use, and the accounts of people on it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import pytest_asyncio
from running_network import RunningNetwork, start_network

from sealgrid.chain.accounts import development_key
from sealgrid.sdk.connection import Connection, connect


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
