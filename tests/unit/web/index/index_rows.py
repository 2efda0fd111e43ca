"""Rows of an index: blocks with a deal of two tasks and a step, and the trail of a chain with forks."""

import random
from types import SimpleNamespace
from typing import Any

from sealgrid.chain.blocks import Block, BlockTrail
from sealgrid.receipts.verify import VerifiedReceipt
from sealgrid.web.index.store import IndexedBlocks

GENESIS = "0x" + "11" * 32
APPS = ["0x" + f"{n:02x}" * 20 for n in (1, 2)]
KINDS = ("initialize", "contribute", "finalize", "claimed", "reopen", "reward")


def digest(*parts: object) -> str:
    return "0x" + random.Random(repr(parts)).randbytes(32).hex()


def block(number: int, fork: int) -> IndexedBlocks:
    """Return a block with a deal of two tasks and one step of a task; forks differ."""
    chance = random.Random(f"{number} {fork}")
    deal, app = digest("deal", number, fork), chance.choice(APPS)
    shared = {"app": app, "dataset": APPS[0], "workerpool": APPS[1], "requester": APPS[0], "deal": deal}
    row = shared | {
        "sponsor": APPS[0],
        "app_price": 1,
        "dataset_price": 2,
        "pool_price": 3,
        "category": 0,
        "callback": APPS[0],
        "bot_first": 0,
        "bot_size": 2,
        "final_deadline": 9,
        "transaction": digest("match", number, fork),
        "block": number,
        "time": number,
    }
    tasks = [
        shared
        | {
            "task": digest(deal, n),
            "position": n,
            "state": "waiting",
            "block": number,
            "time": number,
            "ended": None,
            "proof": False,
            "first_of_deal": n == 0,
        }
        for n in range(2)
    ]
    step = {
        "block": number,
        "position": 1,
        "task": tasks[chance.randrange(2)]["task"],
        "kind": chance.choice(KINDS),
        "account": app,
        "amount": chance.randrange(5),
        "transaction": digest("tx", number, fork),
        "time": number,
    }
    minted = APPS[number] if number < len(APPS) else None
    asset = {
        "address": minted,
        "kind": "App",
        "owner": APPS[0],
        "name": "a",
        "multiaddr": "",
        "checksum": GENESIS,
        "block": number,
        "time": number,
    }
    sold = {"block": number, "position": 0, "asset": minted or chance.choice(APPS), "owner": chance.choice(APPS)}
    return IndexedBlocks(
        assets=(asset,) if minted else (), owners=(sold,), deals=(row,), tasks=tuple(tasks), steps=(step,)
    )


def trail_of(forks: list[int]) -> BlockTrail:
    hashes = [digest("block", *forks[: n + 1]) for n in range(len(forks))]
    blocks = [Block(n, hashes[n], hashes[n - 1] if n else GENESIS, n) for n in range(len(forks))]
    return BlockTrail(tuple(blocks))


def worked_block(number: int, worker: str, end: str | None) -> IndexedBlocks:
    """Return a block in which a machine delivers a task, and the task ends with ``end`` if given."""
    filled = block(number, 0)
    delivered = filled.steps[0] | {"task": filled.tasks[0]["task"], "kind": "contribute", "account": worker}
    ended = (delivered | {"position": 2, "kind": end},) if end else ()
    return IndexedBlocks(deals=filled.deals, tasks=filled.tasks, steps=(delivered, *ended))


def receipt(exit_class: str) -> VerifiedReceipt:
    """Return the part of a verified receipt that an index reads."""
    body: Any = SimpleNamespace(exit_class=exit_class)
    return VerifiedReceipt(body)


def asset_row(number: int, kind: str, multiaddr: str, checksum: str = "0x" + "00" * 32):
    return {
        "address": f"0x{number:040x}",
        "kind": kind,
        "owner": APPS[0],
        "name": "a",
        "multiaddr": multiaddr,
        "checksum": checksum,
        "block": 0,
        "time": 0,
    }
