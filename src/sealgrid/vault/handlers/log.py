"""Handlers of a vault's public log (docs/protocol/log.md). The log contains no secrets, so they need no login."""

from collections.abc import Callable

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.errors import InputRefused
from sealgrid.units import Address, to_address
from sealgrid.vault.peers.witness import PeerLogWitness
from sealgrid.vault.service import Vault
from sealgrid.wire.log import LogPage, LogPath
from sealgrid.wire.message import Message
from sealgrid.wire.server import json_response


def log_handlers(vault: Vault, witness: PeerLogWitness) -> list[HTTPRouteHandler]:
    """Return the handlers of one vault's log and of its witness report about the other logs."""

    @get("/log/head")
    async def head() -> Response[bytes]:
        return await _respond(vault, lambda: vault.sign_head(vault.log.frontier, vault.clock()))

    @get("/log/entries/{first:int}")
    async def entries(first: FromPath[int]) -> Response[bytes]:
        return await _respond(vault, lambda: _page(vault, first))

    @get("/log/assets/{asset:str}/{first:int}")
    async def entries_of(asset: FromPath[str], first: FromPath[int]) -> Response[bytes]:
        try:
            address = to_address(asset)
        except ValueError as error:
            raise InputRefused("an asset must be 0x and 40 hex digits.") from error
        return await _respond(vault, lambda: _page(vault, first, address))

    @get("/log/inclusion/{index:int}/{size:int}")
    async def inclusion(index: FromPath[int], size: FromPath[int]) -> Response[bytes]:
        return await _respond(vault, lambda: LogPath(path=tuple(vault.log.inclusion(index, size))))

    @get("/log/consistency/{first:int}/{second:int}")
    async def consistency(first: FromPath[int], second: FromPath[int]) -> Response[bytes]:
        return await _respond(vault, lambda: LogPath(path=tuple(vault.log.consistency(first, second))))

    @get("/log/witnesses")
    async def witnesses() -> Response[bytes]:
        report = await witness.poll()
        return await _respond(vault, lambda: report)

    return [head, entries, entries_of, inclusion, consistency, witnesses]


def _page(vault: Vault, first: int, asset: Address | None = None) -> LogPage:
    head = vault.sign_head(vault.log.frontier, vault.clock())
    return LogPage(head=head, entries=tuple(vault.log.page(first, asset)))


async def _respond(vault: Vault, make: Callable[[], Message]) -> Response[bytes]:
    await vault.database.wait_for_commit()
    message = make()
    await vault.database.flush()  # a response must not contain entries that a crash could undo
    return json_response(message)
