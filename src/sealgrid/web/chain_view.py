"""What this site reads from the chain for a storage node (docs/protocol/storage.md): public, and asked by anyone."""

import asyncio

import msgspec
from litestar import MediaType, Response, get, post
from litestar.handlers import HTTPRouteHandler

from sealgrid.chain.pool_gate import pool_speaker
from sealgrid.chain.views import TaskStatus
from sealgrid.errors import InputRefused, NotFound, ServiceUnavailable
from sealgrid.units import Address, TaskId, to_address, to_digest
from sealgrid.web.site import Ask, Site
from sealgrid.wire.chain_view import MAX_FILES_PER_REQUEST, AccountBalance, NamedAnswer, NamedQuestion, TaskParties
from sealgrid.wire.message import parse

MOST_BLOCKS_BEHIND = 10  #: an index that lags more says nothing about what the chain does not name


def handlers(site: Site) -> list[HTTPRouteHandler]:
    """Return the handlers."""

    @get("/chain/accounts/{address:str}")
    async def account(address: str) -> Response[bytes]:
        return _json(AccountBalance(balance=await _balance(site, _account(address))))

    @get("/chain/tasks/{task:str}")
    async def task(task: str) -> Response[bytes]:
        return _json(await _parties(site, _task(task)))

    @post("/chain/named", status_code=200)
    async def named(request: Ask) -> Response[bytes]:
        question = parse(await request.body(), NamedQuestion)
        if len(question.files) > MAX_FILES_PER_REQUEST:
            raise InputRefused(f"ask for at most {MAX_FILES_PER_REQUEST} files at a time.", money="")
        head = await site.hub.node.block()
        if site.index.height() < head.number - MOST_BLOCKS_BEHIND:
            raise ServiceUnavailable("the index of the chain is being read; ask again in a while.", money="")
        return _json(NamedAnswer(named=site.index.named(question.files)))

    return [account, task, named]


async def _balance(site: Site, account: Address) -> int:
    known = await site.hub.account(account)
    return known.stake + known.locked


async def _parties(site: Site, task: TaskId) -> TaskParties:
    known, head = await asyncio.gather(site.hub.view_task(task), site.hub.node.block())
    if known.status is TaskStatus.UNSET:
        raise NotFound("the chain knows no such task.", money="")
    deal = await site.hub.view_deal(known.deal)
    owner = deal.workerpool.owner
    signer, balance = await asyncio.gather(
        pool_speaker(site.hub.node, owner, site.network.broker), _balance(site, owner)
    )
    return TaskParties(
        active=known.status is TaskStatus.ACTIVE and head.timestamp < known.contribution_deadline,
        requester=deal.requester,
        pool_owner=owner,
        pool_signer=signer,
        pool_balance=balance,
    )


def _account(text: str) -> Address:
    try:
        return to_address(text.lower())
    except ValueError as error:
        raise NotFound(f"{text[:80]!r} is no address.", money="") from error


def _task(text: str) -> TaskId:
    try:
        return TaskId(to_digest(text.lower()))
    except ValueError as error:
        raise NotFound(f"{text[:80]!r} is no task.", money="") from error


def _json(message: object) -> Response[bytes]:
    return Response(msgspec.json.encode(message), media_type=MediaType.JSON)
