"""The checks on upload tickets, each with the one bad ticket that it refuses."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sealgrid.attestation.statements import ResultOpened, poco_authorisation
from sealgrid.crypto.signing import Domain, ExternalKey, SigningKey, personal_digest
from sealgrid.errors import InputRefused, NotFound, ServiceUnavailable, TicketRefused
from sealgrid.storage_node.admission import BALANCE_SECONDS, UploadAdmission
from sealgrid.storage_node.config import RLC, StorageNodeConfig
from sealgrid.storage_node.quota_types import ClientKind
from sealgrid.units import Address, TaskId, to_address, to_digest
from sealgrid.wire.chain_view import AccountBalance, TaskParties
from sealgrid.wire.message import encode
from sealgrid.wire.storage import NO_TASK, ResultOpenedNotice, SignedTicket, TicketSigner, WorkerProof

NODE, NOW = "https://files.example", 1_000_000.0
DOMAIN = Domain(chain=31337, broker=to_address(b"\x0b" * 20))
RICH, POOR, POOL, READER = (SigningKey.from_bytes(bytes([n]) * 32) for n in (1, 2, 3, 4))
TASK, OWNER, ENCLAVE = TaskId(to_digest(b"\x07" * 32)), to_address(b"\x08" * 20), to_address(b"\x09" * 20)


class Chain:
    """A chain with a rich account and one task."""

    def __init__(self) -> None:
        self.active, self.pool_balance, self.away, self.requests = True, 3 * RLC, False, 0
        self.balances = {RICH.address: 5 * RLC}

    async def account(self, account: Address) -> AccountBalance:
        self._answer()
        return AccountBalance(balance=self.balances.get(account, 0))

    async def task(self, task: TaskId) -> TaskParties:
        self._answer()
        if task != TASK:
            raise NotFound("no such task.")
        return TaskParties(
            active=self.active,
            requester=READER.address,
            pool_owner=OWNER,
            pool_signer=POOL.address,
            pool_balance=self.pool_balance,
        )

    def _answer(self) -> None:
        self.requests += 1
        if self.away:
            raise ServiceUnavailable("away.")


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


class Gate:
    def __init__(self, folder: Path, **config: Any) -> None:
        self.chain, self.clock = Chain(), Clock()
        self.config = StorageNodeConfig(folder=folder, url=NODE, domain=DOMAIN, **config)
        self.admission = UploadAdmission(self.config, self.chain, self.clock)


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def ticket(key: SigningKey = RICH, size: int = 10, **fields: Any) -> SignedTicket:
    signed = TicketSigner(NODE, key, DOMAIN, clock=lambda: NOW).sign(size)
    assert signed is not None
    changed = msgspec.structs.replace(signed.ticket, **fields)
    return SignedTicket(ticket=changed, signature=changed.sign(DOMAIN, key))


def result(key: SigningKey = POOR, pool: SigningKey = POOL, task: TaskId = TASK, worker: Address = "") -> SignedTicket:  # type: ignore[assignment]
    message = poco_authorisation(worker or key.address, task, ENCLAVE)
    proof = WorkerProof(enclave=ENCLAVE, signature=pool.sign(personal_digest(message)))
    signed = TicketSigner(NODE, key, DOMAIN, clock=lambda: NOW).for_result(task, proof).sign(10)
    assert signed is not None
    return signed


async def admitted(gate: Gate, signed: SignedTicket | None) -> tuple[ClientKind, str]:
    client = (await gate.admission.admit(encode(signed) if signed else b"", "192.0.2.1")).client
    return client.kind, client.name


async def refused(gate: Gate, signed: SignedTicket) -> str:
    with pytest.raises(TicketRefused) as error:
        await admitted(gate, signed)
    return str(error.value.check)


async def test_an_account_with_a_balance_stores_by_its_balance(gate: Gate) -> None:
    admitted_upload = await gate.admission.admit(encode(ticket(size=77)), "192.0.2.1")
    assert (admitted_upload.client.kind, admitted_upload.client.name, admitted_upload.size) == (
        ClientKind.ACCOUNT,
        RICH.address,
        77,
    )
    assert admitted_upload.client.quota[0] == 5 * gate.config.balance_quota.bytes_per_rlc


@pytest.mark.parametrize("signed", [None, ticket(POOR)], ids=["no ticket", "no balance"])
async def test_an_account_without_a_balance_counts_as_its_network_address(
    gate: Gate, signed: SignedTicket | None
) -> None:
    assert await admitted(gate, signed) == (ClientKind.ADDRESS, "address 192.0.2.1")


async def test_many_accounts_without_balance_are_one_client_at_one_address(gate: Gate) -> None:
    named = {await admitted(gate, ticket(SigningKey.generate())) for _ in range(5)}
    assert named == {(ClientKind.ADDRESS, "address 192.0.2.1")}


async def test_a_service_that_the_operator_lists_needs_no_balance(tmp_path: Path) -> None:
    assert await admitted(Gate(tmp_path, services=frozenset({POOR.address})), ticket(POOR)) == (
        ClientKind.ACCOUNT,
        POOR.address,
    )


@pytest.mark.parametrize(
    ("number", "bad"),
    [
        ("ticket.1", ticket(node="https://other.example")),
        ("ticket.1", ticket(node="")),  # a node without a public URL has an empty one
        ("ticket.2", ticket(expiry=int(NOW))),
        ("ticket.2", ticket(expiry=int(NOW) + 601)),
        ("ticket.3", msgspec.structs.replace(ticket(), signature=ticket(POOR).signature)),
        ("ticket.3", msgspec.structs.replace(ticket(), signature=b"none")),
        ("ticket.3", msgspec.structs.replace(ticket(), ticket=msgspec.structs.replace(ticket().ticket, size=11))),
        ("ticket.5", result(task=TaskId(to_digest(b"\x06" * 32)))),
        ("ticket.6", result(pool=RICH)),
        ("ticket.6", result(worker=RICH.address)),
        ("ticket.6", ticket(task=TASK)),
    ],
)
async def test_a_ticket_that_breaks_one_rule_is_refused_by_its_number(
    gate: Gate, number: str, bad: SignedTicket
) -> None:
    assert await refused(gate, bad) == number


async def test_a_ticket_is_used_once(gate: Gate) -> None:
    once = ticket()
    await admitted(gate, once)
    assert await refused(gate, once) == "ticket.4"


async def test_a_forged_ticket_does_not_spend_the_nonce_of_the_right_one(gate: Gate) -> None:
    right = ticket()
    assert await refused(gate, msgspec.structs.replace(right, signature=b"none")) == "ticket.3"
    assert await admitted(gate, right) == (ClientKind.ACCOUNT, RICH.address)


async def test_the_result_of_a_task_is_its_pools_and_its_requester_may_let_it_go(gate: Gate) -> None:
    admitted_upload = await gate.admission.admit(encode(result()), "192.0.2.1")
    assert (admitted_upload.client.kind, admitted_upload.client.name, admitted_upload.account) == (
        ClientKind.RESULT,
        f"pool {OWNER}",
        READER.address,
    )


async def test_the_result_of_a_task_that_ended_is_refused(gate: Gate) -> None:
    gate.chain.active = False
    assert await refused(gate, result()) == "ticket.5"


async def test_a_pool_without_stake_has_no_share_of_results(gate: Gate) -> None:
    gate.chain.pool_balance = RLC - 1
    assert await admitted(gate, result()) == (ClientKind.ADDRESS, "address 192.0.2.1")


async def test_while_the_chain_is_away_who_was_known_is_known(gate: Gate) -> None:
    await admitted(gate, ticket())
    gate.chain.away, gate.clock.now = True, NOW + BALANCE_SECONDS + 1
    assert await admitted(gate, ticket()) == (ClientKind.ACCOUNT, RICH.address)
    assert await admitted(gate, result()) == (ClientKind.ADDRESS, "address 192.0.2.1")


async def test_the_chain_is_asked_once_a_minute_for_one_account(gate: Gate) -> None:
    for _ in range(5):
        await admitted(gate, ticket())
    assert gate.chain.requests == 1


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"ticket":1}', b"\xff" * 9])
async def test_what_is_no_ticket_is_refused(gate: Gate, body: bytes) -> None:
    with pytest.raises(InputRefused):
        await gate.admission.admit(body, "192.0.2.1")


async def test_without_a_chain_every_client_counts_as_its_address(tmp_path: Path) -> None:
    config = replace(Gate(tmp_path).config, url="", domain=None)
    assert (await UploadAdmission(config, None, Clock()).admit(encode(ticket()), "x")).client.kind is ClientKind.ADDRESS


def test_an_account_whose_key_is_elsewhere_signs_no_ticket() -> None:
    assert TicketSigner(NODE, ExternalKey(RICH.address), DOMAIN).sign(1) is None
    assert ticket().ticket.task == NO_TASK


def test_only_the_reader_reports_a_result_as_opened(gate: Gate) -> None:
    statement = ResultOpened(reader=READER.address, file_sha256=to_digest(b"\x01" * 32))
    assert gate.admission.is_signed(ResultOpenedNotice(opened=statement, signature=statement.sign(DOMAIN, READER)))
    assert not gate.admission.is_signed(ResultOpenedNotice(opened=statement, signature=statement.sign(DOMAIN, RICH)))
    assert not gate.admission.is_signed(ResultOpenedNotice(opened=statement, signature=b""))
