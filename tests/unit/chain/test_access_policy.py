"""The members of an access policy follow from its events."""

from typing import Any

from sealgrid.chain.abi import interface
from sealgrid.chain.access_policy import FOREVER, AccessGrant, AccessPolicy
from sealgrid.chain.blocks import Block, EventLog
from sealgrid.units import Address, to_address, to_digest

ANNA, BERT = to_address(b"\x0a" * 20), to_address(b"\x0b" * 20)
DIGEST = to_digest(bytes(32))


def event(name: str, account: Address, until: int | None = None) -> EventLog:
    topics = (interface("AccessPolicy").topic(name), bytes(12) + bytes.fromhex(account[2:]))
    data = b"" if until is None else until.to_bytes(32, "big")
    return EventLog(BERT, topics, data, 1, DIGEST, DIGEST, 0)


class Logs:
    def __init__(self, *events: EventLog) -> None:
        self.events = list(events)

    async def block(self) -> Block:
        return Block(9, DIGEST, DIGEST, 9)

    async def logs(self, *_: object, **__: object) -> list[EventLog]:
        return self.events


async def members(*events: EventLog) -> list[AccessGrant]:
    node: Any = Logs(*events)
    return await AccessPolicy(node, BERT).members()


async def test_the_last_grant_counts_and_a_revoked_account_is_no_member() -> None:
    assert await members(event("Granted", BERT, FOREVER), event("Granted", ANNA, 5), event("Granted", ANNA, 7)) == [
        AccessGrant(ANNA, 7),
        AccessGrant(BERT, FOREVER),
    ]
    assert await members(event("Granted", ANNA, 5), event("Revoked", ANNA), event("Revoked", BERT)) == []
