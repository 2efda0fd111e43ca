"""The routes of a vault's log: open to everybody, since nothing in it is secret (docs/protocol/log.md)."""

from collections.abc import Callable

from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.errors import InputRefused
from sealgrid.units import Address, to_address
from sealgrid.vault.peers.witness import LogWitnessing
from sealgrid.vault.service import Vault
from sealgrid.wire.log import LogPage, LogPath
from sealgrid.wire.message import Message, encode


def log_handlers(vault: Vault, witness: LogWitnessing) -> list[HTTPRouteHandler]:
    """Return the handlers that serve one vault's log, and what it saw of the others'."""

    @get("/log/head")
    async def head() -> Response[bytes]:
        return await _said(vault, lambda: vault.signed_head(vault.log.frontier, vault.clock()))

    @get("/log/entries/{first:int}")
    async def entries(first: FromPath[int]) -> Response[bytes]:
        return await _said(vault, lambda: _page(vault, first))

    @get("/log/assets/{asset:str}/{first:int}")
    async def entries_of(asset: FromPath[str], first: FromPath[int]) -> Response[bytes]:
        try:
            named = to_address(asset)
        except ValueError as error:
            raise InputRefused("an asset is named by 0x and 40 hex digits.") from error
        return await _said(vault, lambda: _page(vault, first, named))

    @get("/log/inclusion/{index:int}/{size:int}")
    async def inclusion(index: FromPath[int], size: FromPath[int]) -> Response[bytes]:
        return await _said(vault, lambda: LogPath(path=tuple(vault.log.inclusion(index, size))))

    @get("/log/consistency/{first:int}/{second:int}")
    async def consistency(first: FromPath[int], second: FromPath[int]) -> Response[bytes]:
        return await _said(vault, lambda: LogPath(path=tuple(vault.log.consistency(first, second))))

    @get("/log/witnesses")
    async def witnesses() -> Response[bytes]:
        report = await witness.look()
        return await _said(vault, lambda: report)

    return [head, entries, entries_of, inclusion, consistency, witnesses]


def _page(vault: Vault, first: int, asset: Address | None = None) -> LogPage:
    head = vault.signed_head(vault.log.frontier, vault.clock())
    return LogPage(head=head, entries=tuple(vault.log.page(first, asset)))


async def _said(vault: Vault, make: Callable[[], Message]) -> Response[bytes]:
    await vault.store.turn()
    message = make()
    await vault.store.saved()  # what a crash could take back was never said
    return Response(encode(message), media_type=MediaType.JSON)
