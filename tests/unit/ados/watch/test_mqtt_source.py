"""Messages of a real broker: acknowledged once they are durable, kept by the broker meanwhile, stored once."""

import asyncio
from contextlib import suppress

import pytest

from sealgrid.ados.watch.mqtt_source import MqttReceiver, parse_broker
from sealgrid.ados.watch.spool import MessageSpool
from sealgrid.errors import InputRefused
from tests.unit.ados.watch.conftest import TOPIC


class Receiving:
    """A receiver that runs as a task, for one client identifier."""

    def __init__(self, broker, spool, name, **options):
        self.receiver = MqttReceiver(broker, name, spool, clock=lambda: 5.0, **options)

    async def __aenter__(self):
        self.task = asyncio.create_task(self.receiver.run())
        async with asyncio.timeout(10):
            await self.receiver.subscribed.wait()
        return self.receiver

    async def __aexit__(self, *_):
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


async def until(spool, count):
    async with asyncio.timeout(10):
        while len(texts(spool)) < count:
            await asyncio.sleep(0.01)


def texts(spool):
    return [each.text for each in spool.recent()]


async def test_messages_become_durable_with_their_arrival_and_those_of_an_absence_follow(broker, publish, tmp_path):
    spool = MessageSpool(tmp_path)
    async with Receiving(broker, spool, "one"):
        await publish("1")
        await until(spool, 1)
    await publish("2")
    async with Receiving(broker, spool, "one"):
        await until(spool, 2)
    assert texts(spool) == ["1", "2"]
    assert [(each.arrived, each.topic) for each in spool.recent()] == [(5.0, TOPIC)] * 2


async def test_a_message_that_was_stored_and_not_acknowledged_is_stored_once(broker, publish, tmp_path, monkeypatch):
    spool, append = MessageSpool(tmp_path), MessageSpool.append

    def append_and_die(self, messages):
        append(self, messages)
        raise InputRefused("the process ends here")

    monkeypatch.setattr(MessageSpool, "append", append_and_die)
    receiving = Receiving(broker, spool, "two")
    await receiving.__aenter__()
    await publish("once")
    with pytest.raises(InputRefused, match="ends here"):
        async with asyncio.timeout(10):
            await receiving.task
    monkeypatch.setattr(MessageSpool, "append", append)
    async with Receiving(broker, spool, "two"):
        await publish("after")
        await until(spool, 2)
    assert texts(spool) == ["once", "after"]


async def test_nothing_is_acknowledged_while_the_spool_is_full(broker, publish, tmp_path):
    spool = MessageSpool(tmp_path)
    async with Receiving(broker, spool, "three", most_spooled=1) as receiver:
        await publish("first")
        await until(spool, 1)
        for number in range(30):
            await publish(str(number))
        assert len(texts(spool)) < 30
        while len(texts(spool)) < 31:
            spool.read()
            receiver.check_room()
            await asyncio.sleep(0.01)
    assert texts(spool) == ["first", *map(str, range(30))]


async def test_retained_messages_are_left_out(broker, publish, tmp_path):
    spool = MessageSpool(tmp_path)
    await publish("old", retain=True)
    async with Receiving(broker, spool, "four"):
        await publish("new")
        await until(spool, 1)
    await publish("", retain=True)
    assert texts(spool) == ["new"]


def test_an_address_has_host_port_user_and_topic():
    plain, secure = parse_broker("mqtt://b.example/a/+/c"), parse_broker("mqtts://me@b.example/x/%23", "secret")
    assert (plain.host, plain.port, plain.topic, plain.tls) == ("b.example", 1883, "a/+/c", False)
    assert (secure.user, secure.port, secure.topic, secure.tls) == ("me", 8883, "x/#", True)
    assert "secret" not in repr(secure)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://b.example/a", "not the address of a broker"),
        ("mqtt://b.example", "not the address of a broker"),
        ("mqtt:///a", "not the address of a broker"),
        ("mqtt://b.example:99999/a", "not the address of a broker"),
        ("mqtt://b.example/a?b", "not the address of a broker"),
        ("mqtt://me:secret@b.example/a", "--broker-password-file"),
        ("mqtt://me:secret@b.example", "--broker-password-file"),
        ("http://me:secret@b.example/a", "--broker-password-file"),
        ("mqtt://me:secret/x@b.example/a", "not the address of a broker"),
        ("mqtt://me:12/secret@b.example/a", "not the address of a broker"),
        ("mqtt://[secret/a", "not the address of a broker"),
    ],
    ids=range(11),
)
def test_another_address_is_refused_without_repeating_a_password(url, reason):
    with pytest.raises(InputRefused, match=reason) as refused:
        parse_broker(url)
    assert "secret" not in str(refused.value)
