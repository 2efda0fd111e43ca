"""The client of a storage node: signed tickets, and replies that it does not accept."""

import pytest

from sealgrid.crypto.signing import Domain, ExternalKey, SigningKey
from sealgrid.errors import AnswerTooLarge, FileTooLarge, ServiceUnavailable, TicketRefused
from sealgrid.units import TaskId, to_address, to_digest
from sealgrid.wire.message import encode, parse
from sealgrid.wire.storage import (
    PIECE_BYTES,
    TICKET_SECONDS,
    NodeClock,
    ResultOpenedNotice,
    SignedTicket,
    StorageClient,
    TicketSigner,
    UploadStatus,
    WorkerProof,
)

KEY, DOMAIN = SigningKey.from_bytes(b"\x01" * 32), Domain(1, to_address(b"\x0b" * 20))
FILE, OTHER, TASK = to_digest(b"\x0f" * 32), to_digest(b"\x0e" * 32), TaskId(to_digest(b"\x0a" * 32))
SIGNER = TicketSigner("https://node.example", KEY, DOMAIN, clock=lambda: 1000.5)


class Node:
    """A transport that records requests and has one reply."""

    def __init__(self, reply: bytes = b"") -> None:
        self.reply = reply
        self.requests: list[tuple[str, bytes]] = []

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        self.requests.append((path, body))
        return self.reply


async def test_an_upload_starts_with_a_ticket_of_its_account_and_size():
    node, proof = Node(encode(UploadStatus(upload="u"))), WorkerProof(enclave=KEY.address, signature=b"s")
    client = StorageClient(node, SIGNER)
    assert await client.begin(7) == "u"
    await client.for_result(TASK, proof).begin(8)
    own, result = (parse(body, SignedTicket) for _, body in node.requests)
    assert own.ticket.is_signed_by(KEY.address, DOMAIN, own.signature)
    assert (own.ticket.size, own.ticket.expiry, own.worker) == (7, 1000 + TICKET_SECONDS // 2, None)
    assert (result.ticket.task, result.worker) == (TASK, proof)
    assert own.ticket.nonce != result.ticket.nonce


async def test_an_account_in_an_external_wallet_uploads_without_a_ticket():
    node = Node(encode(UploadStatus(upload="u")))
    await StorageClient(node, TicketSigner("", ExternalKey(KEY.address), DOMAIN)).begin(7)
    assert node.requests == [("/uploads", b"")]


class NodeOfAnotherTime(Node):
    """A node whose clock is not the client's: it refuses tickets that do not end within its next minutes."""

    now = 5000
    check = "ticket.2"

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        self.requests.append((path, body))
        if path == "/clock":
            return encode(NodeClock(seconds=self.now))
        if not self.now < parse(body, SignedTicket).ticket.expiry <= self.now + TICKET_SECONDS:
            raise TicketRefused(self.check, "check this machine's clock.")
        return encode(UploadStatus(upload="u"))


async def test_a_client_whose_clock_differs_signs_again_for_the_nodes_time():
    node = NodeOfAnotherTime()
    assert await StorageClient(node, SIGNER).begin(7) == "u"
    assert [path for path, _ in node.requests] == ["/uploads", "/clock", "/uploads"]
    first, second = (parse(body, SignedTicket).ticket for path, body in node.requests if path == "/uploads")
    assert (second.node, second.expiry) == (SIGNER.node, 5000 + TICKET_SECONDS // 2)
    assert first.nonce != second.nonce


async def test_a_ticket_that_is_refused_for_another_reason_is_not_signed_again():
    node = NodeOfAnotherTime()
    node.check = "ticket.3"
    with pytest.raises(TicketRefused):
        await StorageClient(node, SIGNER).begin(7)
    assert len(node.requests) == 1


async def test_each_opened_file_is_reported_with_a_signature():
    node = Node()
    await StorageClient(node, SIGNER).report_opened((FILE, OTHER))
    notices = {path: parse(body, ResultOpenedNotice) for path, body in node.requests}
    assert sorted(notices) == sorted(f"/files/{file}/opened" for file in (FILE, OTHER))
    assert all(each.opened.is_signed_by(KEY.address, DOMAIN, each.signature) for each in notices.values())
    silent = Node()
    await StorageClient(silent).report_opened((FILE,))
    assert silent.requests == []


async def test_more_bytes_than_requested_are_refused():
    assert await StorageClient(Node(b"12345")).read(FILE, 0, 5) == b"12345"
    with pytest.raises(ServiceUnavailable, match="more bytes than requested"):
        await StorageClient(Node(b"123456")).read(FILE, 0, 5)


async def test_a_file_by_its_cid_above_the_limit_is_too_large_and_not_silence():
    class LargeNode(Node):
        async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
            raise AnswerTooLarge("more than 16 MiB.")

    assert await StorageClient(Node(b"list")).read_by_cid("bafy", 4) == b"list"
    assert len(await StorageClient(Node(bytes(PIECE_BYTES + 1))).read_by_cid("bafy")) == PIECE_BYTES + 1
    for node in (Node(b"a list"), LargeNode()):
        with pytest.raises(FileTooLarge, match="limit of 4 bytes"):
            await StorageClient(node).read_by_cid("bafy", 4)
