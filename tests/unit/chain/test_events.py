"""Events of the hub and its registries, from raw logs."""

from sealgrid.chain.abi import interface
from sealgrid.chain.blocks import EventLog
from sealgrid.chain.events import AssetTransferred, TaskFinalize, Transfer, parse_events
from sealgrid.units import to_address, to_digest

CONTRACT, TRANSACTION = to_address(b"\x0c" * 20), to_digest(b"\x0e" * 32)
OLD, NEW, ASSET = (b"\x01" * 20, b"\x02" * 20, b"\x03" * 20)


def log(topics: tuple[bytes, ...], data: bytes = b"") -> EventLog:
    return EventLog(CONTRACT, topics, data, 7, TRANSACTION, TRANSACTION, 3)


def word(value: bytes) -> bytes:
    return value.rjust(32, b"\0")


def test_an_event_has_its_values_and_its_position() -> None:
    task, offset, size = b"\x0a" * 32, word(b"\x20"), word(b"\x03")
    (event,) = parse_events(
        [log((interface("Hub").topic("TaskFinalize"), task), offset + size + b"abc".ljust(32, b"\0"))]
    )
    assert event == TaskFinalize(
        task=to_digest(task),
        results=b"abc",
        block_number=7,
        block_hash=TRANSACTION,
        transaction=TRANSACTION,
        log_index=3,
    )


def test_transfers_of_assets_and_of_money_differ_by_their_topics() -> None:
    topic = interface("AppRegistry").topic("Transfer")
    asset, money = parse_events(
        [log((topic, word(OLD), word(NEW), word(ASSET))), log((topic, word(OLD), word(NEW)), word(b"\x05"))]
    )
    assert isinstance(asset, AssetTransferred)
    assert (asset.registry, asset.asset, asset.receiver) == (CONTRACT, to_address(ASSET), to_address(NEW))
    assert isinstance(money, Transfer)
    assert (money.receiver, money.amount) == (to_address(NEW), 5)


def test_events_of_other_contracts_are_skipped() -> None:
    assert parse_events([log((b"\x09" * 32,)), log(())]) == []
