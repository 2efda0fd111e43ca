"""Messages of an MQTT broker into a spool: acknowledged when they are durable, refused while the spool is full (QoS 1).

The session is persistent: while this client is away, and while it acknowledges nothing, the broker keeps its messages.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

import aiomqtt

from sealgrid.ados.watch.spool import MessageSpool, SpooledMessage
from sealgrid.ados.watch.stream import MAX_LINE
from sealgrid.errors import InputRefused

MOST_SPOOLED: Final = 256 << 20  #: unread bytes from which on nothing is acknowledged
AWAITED: Final = 20  #: messages of one write; a broker sends about as many without an acknowledgement
MOST_WAITING: Final = 1000  #: messages in memory; only of QoS 0 can there be more, and these are lost
AGAIN: Final = 1000  #: first messages of a connection, among which a broker repeats what was not acknowledged
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  #: seconds until the next connection
MessageIdentity = tuple[str, int, bytes]  #: topic, number and digest of a message's text


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """A broker and the topic that is followed."""

    host: str
    port: int
    topic: str
    tls: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def parse_broker(url: str, password: str | None = None) -> BrokerAddress:
    """Return the address in ``mqtt[s]://[USER@]HOST[:PORT]/TOPIC``; raise InputRefused for another text.

    The topic may have MQTT's wildcards. A password is refused in the URL: others can read the arguments of a command.
    No error repeats the URL, which may have one, also where a slash or a number in it hides it.
    """
    malformed = InputRefused(
        "this is not the address of a broker; write mqtt://HOST/TOPIC or mqtts://USER@HOST:PORT/TOPIC, and %40 for @ "
        "in the topic."
    )
    try:
        parts = urlsplit(url, allow_fragments=False)
        port = parts.port if parts.password is None else None
    except ValueError:
        raise malformed from None  # the error has a part of the URL
    topic = unquote(parts.path.removeprefix("/"))
    if parts.password is not None:
        raise InputRefused("the address of a broker has no password here; give --broker-password-file FILE.")
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname or not topic or parts.query or "@" in parts.path:
        raise malformed
    if port == 0:
        raise malformed
    tls = parts.scheme == "mqtts"
    return BrokerAddress(parts.hostname, port or (8883 if tls else 1883), topic, tls, parts.username, password)


class MqttReceiver:
    """Receives messages until cancelled, over as many connections as that takes. ``clock`` returns Unix seconds."""

    def __init__(
        self,
        broker: BrokerAddress,
        client_id: str,
        spool: MessageSpool,
        *,
        clock: Callable[[], float],
        report: Callable[[str], None] = lambda line: None,
        most_spooled: int = MOST_SPOOLED,
    ) -> None:
        self._broker, self._client_id, self._spool = broker, client_id, spool
        self._clock, self._report, self._most_spooled = clock, report, most_spooled
        self.subscribed = asyncio.Event()
        self._has_room = asyncio.Event()
        self.check_room()

    def check_room(self) -> None:
        """Note whether the spool has room; called after it was read."""
        (self._has_room.set if self._spool.unread < self._most_spooled else self._has_room.clear)()

    async def run(self) -> None:
        """Receive until cancelled; a lost connection is made again."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._receive()
            except aiomqtt.MqttError as error:
                if self.subscribed.is_set():
                    pause = FIRST_PAUSE
                self.subscribed.clear()
                self._report(f"the broker {self._broker.host} does not answer ({error}); trying again")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _receive(self) -> None:
        broker = self._broker
        client = aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.user,
            password=broker.password,
            identifier=self._client_id,
            clean_session=False,
            max_queued_incoming_messages=MOST_WAITING,
            tls_params=aiomqtt.TLSParameters() if broker.tls else None,
        )
        client._client.manual_ack_set(on=True)  # noqa: SLF001  aiomqtt has no name for this option of paho
        async with client:
            await client.subscribe(broker.topic, qos=1)
            self.subscribed.set()
            self._report(f"receiving {broker.topic} from {broker.host}")
            stored, received = set(map(_identity, self._spool.recent())), 0
            while True:
                await self._has_room.wait()
                messages = [await anext(client.messages)]
                while len(client.messages) and len(messages) < AWAITED:
                    messages.append(await anext(client.messages))
                self._store(messages, stored if received < AGAIN else set())
                received += len(messages)
                for each in messages:
                    client._client.ack(each.mid, each.qos)  # noqa: SLF001

    def _store(self, messages: Sequence[aiomqtt.Message], stored: set[MessageIdentity]) -> None:
        """Append messages durably, without those that an earlier connection stored and could not acknowledge.

        Retained messages are left out: a broker repeats them at each connection.
        """
        new = []
        for each in messages:
            if each.retain:
                continue
            payload = each.payload if isinstance(each.payload, bytes | bytearray) else str(each.payload).encode()
            text = payload[:MAX_LINE].decode(errors="replace").replace("\n", " ")
            spooled = SpooledMessage(arrived=self._clock(), topic=str(each.topic), number=each.mid, text=text)
            if _identity(spooled) not in stored:
                new.append(spooled)
        if new:
            self._spool.append(new)
        self.check_room()


def _identity(message: SpooledMessage) -> MessageIdentity:
    return message.topic, message.number, hashlib.sha256(message.text.encode()).digest()
