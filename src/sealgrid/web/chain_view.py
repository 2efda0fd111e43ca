"""Chain state for storage nodes (docs/protocol/storage.md). Public: anyone may request it."""

import asyncio
from typing import Final

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from sealgrid.chain.pool_gate import pool_signer
from sealgrid.chain.views import TaskStatus
from sealgrid.errors import InputRefused, NotFound, ServiceUnavailable
from sealgrid.units import Address
from sealgrid.web.forms import path_address, path_task
from sealgrid.web.site import Site, WebRequest
from sealgrid.wire.chain_view import (
    MAX_FILES_PER_REQUEST,
    AccountBalance,
    AssetFilesQuestion,
    FileAddresses,
    NamedAnswer,
    NamedQuestion,
    NamingAssets,
    TaskParties,
)
from sealgrid.wire.message import MAX_MESSAGE_BYTES, parse
from sealgrid.wire.server import json_response

MAX_ADDRESSES: Final = 4 * MAX_FILES_PER_REQUEST  #: a stored file has two: of its bytes, and as Kubo names it
MAX_BLOCKS_BEHIND: Final = 10  #: an index further behind cannot say which files the chain does not name


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""

    @get("/chain/accounts/{address:str}")
    async def account(address: FromPath[str]) -> Response[bytes]:
        return json_response(AccountBalance(balance=await _balance(site, path_address(address))))

    return [account, *_task_handlers(site), *_file_handlers(site)]


def _task_handlers(site: Site) -> list[HTTPRouteHandler]:
    @get("/chain/tasks/{task:str}")
    async def task(task: FromPath[str]) -> Response[bytes]:
        view, head = await asyncio.gather(site.hub.view_task(path_task(task)), site.hub.node.block())
        if view.status is TaskStatus.UNSET:
            raise NotFound("the chain has no such task.", money="")
        deal = await site.hub.view_deal(view.deal)
        owner = deal.workerpool.owner
        signer, balance = await asyncio.gather(
            pool_signer(site.hub.node, owner, site.network.broker), _balance(site, owner)
        )
        parties = TaskParties(
            active=view.status is TaskStatus.ACTIVE and head.timestamp < view.contribution_deadline,
            requester=deal.requester,
            pool_owner=owner,
            pool_signer=signer,
            pool_balance=balance,
        )
        return json_response(parties)

    return [task]


def _file_handlers(site: Site) -> list[HTTPRouteHandler]:
    @post("/chain/named", status_code=200, request_max_body_size=MAX_MESSAGE_BYTES)
    async def named(request: WebRequest) -> Response[bytes]:
        question = parse(await request.body(), NamedQuestion)
        addresses = sum(len(file.cids) for file in question.files)
        if len(question.files) > MAX_FILES_PER_REQUEST or addresses > MAX_ADDRESSES:
            raise InputRefused(
                f"send at most {MAX_FILES_PER_REQUEST} files with {MAX_ADDRESSES} addresses in a request.", money=""
            )
        await _require_recent(site)
        return json_response(NamedAnswer(named=await asyncio.to_thread(site.index.named_files, question.files)))

    @post("/chain/files", status_code=200, request_max_body_size=MAX_MESSAGE_BYTES)
    async def files(request: WebRequest) -> Response[bytes]:
        question = parse(await request.body(), AssetFilesQuestion)
        await _require_recent(site)
        return json_response(await asyncio.to_thread(site.index.asset_files, path_address(question.after)))

    @post("/chain/naming", status_code=200, request_max_body_size=MAX_MESSAGE_BYTES)
    async def naming(request: WebRequest) -> Response[bytes]:
        file = parse(await request.body(), FileAddresses)
        if len(file.cids) > MAX_FILES_PER_REQUEST:
            raise InputRefused(f"a file has at most {MAX_FILES_PER_REQUEST} addresses.", money="")
        head = await site.hub.node.block()
        await site.wait_until_indexed()  # a deal of the last blocks needs the file
        if site.index.height() < head.number:
            raise ServiceUnavailable("the index is behind the chain; try again later.", money="")
        assets = await asyncio.to_thread(site.index.naming_assets, file, head.timestamp)
        return json_response(NamingAssets(assets=assets))

    return [named, files, naming]


async def _require_recent(site: Site) -> None:
    """Raise ServiceUnavailable while the index is far behind the chain."""
    head = await site.hub.node.block()
    if site.index.height() < head.number - MAX_BLOCKS_BEHIND:
        raise ServiceUnavailable("the index is behind the chain; try again later.", money="")


async def _balance(site: Site, account: Address) -> int:
    view = await site.hub.account(account)
    return view.stake + view.locked
