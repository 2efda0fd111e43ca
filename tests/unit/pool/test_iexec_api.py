"""What iExec's SDK asks a pool, as it asks it."""

import asyncio

import httpx
import msgspec
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from sealgrid.crypto.signing import SigningKey
from sealgrid.pool import events as e
from sealgrid.pool.requester_auth import PERIOD_SECONDS
from sealgrid.pool.task_book import TaskBook
from sealgrid.units import DealId, to_digest
from tests.unit.pool.pool_scene import CHAIN, DEAL, MATCHED, POOL, REQUESTER, STRANGER, TASK, WORKER, Clock, reported

SEEN_LATER = msgspec.structs.replace(MATCHED, deal=DealId(to_digest(b"\x0e" * 32)))


async def token(pool: httpx.AsyncClient, key: SigningKey, signer: SigningKey | None = None) -> dict[str, str]:
    challenge = await pool.get("/tasks/logs/challenge", params={"chainId": CHAIN, "address": key.address})
    message = encode_typed_data(full_message=challenge.json())
    signed = Account.sign_message(message, (signer or key).secret)
    return {"authorization": f"0x{signed.message_hash.hex()}_0x{signed.signature.hex()}_{key.address}"}


async def test_a_task_has_iexecs_statuses(pool: httpx.AsyncClient) -> None:
    view = (await pool.get(f"/tasks/{TASK}")).json()
    assert view["currentStatus"] == "RUNNING"
    assert view["dateStatusList"][0] == {"status": "INITIALIZED", "date": "1970-01-01T00:00:01.000Z"}
    (replicate,) = view["replicates"]
    assert (replicate["walletAddress"], replicate["currentStatus"]) == (WORKER.address, "STARTED")


async def test_the_requester_alone_reads_the_exact_stages(pool: httpx.AsyncClient, book: TaskBook) -> None:
    await book.apply(reported("running", 5.5))
    exact = (await pool.get(f"/tasks/{TASK}/stages", headers=await token(pool, REQUESTER))).json()["history"]
    assert [(entry["stage"], entry["at"]) for entry in exact] == [("waiting", 1.0), ("assigned", 3.0), ("running", 5.5)]
    for proof in ({}, await token(pool, STRANGER), await token(pool, REQUESTER, signer=STRANGER)):
        assert (await pool.get(f"/tasks/{TASK}/stages", headers=proof)).status_code == 403


async def until_somebody_waits(book: TaskBook) -> None:
    async with asyncio.timeout(60):
        while TASK not in book._task_waiters:
            await asyncio.sleep(0.001)


async def test_a_question_for_stages_waits_for_one_that_is_not_known_yet(
    pool: httpx.AsyncClient, book: TaskBook
) -> None:
    known = {"after": 2, "wait": 20}
    request = pool.get(f"/tasks/{TASK}/stages", params=known, headers=await token(pool, REQUESTER))
    waiting = asyncio.create_task(request)
    await until_somebody_waits(book)
    assert not waiting.done()
    await book.apply(reported("running", 5.5))
    assert [entry["stage"] for entry in (await waiting).json()["history"]] == ["waiting", "assigned", "running"]


async def test_a_question_for_stages_ends_when_its_time_has_passed(
    pool: httpx.AsyncClient, book: TaskBook, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sealgrid.pool.service.MAX_WAIT", 0.05)
    request = pool.get(f"/tasks/{TASK}/stages", params={"after": 2, "wait": 1e9}, headers=await token(pool, REQUESTER))
    waiting = asyncio.create_task(request)
    await until_somebody_waits(book)
    assert not waiting.done()
    clock.now += 0.05
    assert len((await waiting).json()["history"]) == 2


@pytest.mark.parametrize("parameters", [{"after": 1, "wait": 20}, {"after": 2}, {"after": -1, "wait": 20}])
async def test_a_question_for_stages_is_answered_at_once_where_nothing_is_to_be_waited_for(
    pool: httpx.AsyncClient, parameters: dict[str, str]
) -> None:
    view = await pool.get(f"/tasks/{TASK}/stages", params=parameters, headers=await token(pool, REQUESTER))
    assert len(view.json()["history"]) == 2


@pytest.mark.parametrize("parameters", [{"after": "x"}, {"after": "1.5"}, {"wait": "long"}])
async def test_what_is_no_number_is_refused(pool: httpx.AsyncClient, parameters: dict[str, str]) -> None:
    view = await pool.get(f"/tasks/{TASK}/stages", params=parameters, headers=await token(pool, REQUESTER))
    assert view.status_code == 400
    assert "must be a number" in view.json()["error"]


async def test_an_unknown_task_is_not_found(pool: httpx.AsyncClient) -> None:
    assert (await pool.get(f"/tasks/{DEAL}")).status_code == 404


async def test_the_requester_reads_where_the_logs_are_as_often_as_it_likes(pool: httpx.AsyncClient) -> None:
    proof = await token(pool, REQUESTER)
    for _ in range(2):
        logs = (await pool.get(f"/tasks/{TASK}/logs", headers=proof)).json()["computeLogsList"]
        assert [log["walletAddress"] for log in logs] == [WORKER.address]
        assert "app.log" in logs[0]["stderr"]


async def test_a_worker_that_ended_a_task_without_a_result_is_a_failed_replicate(
    pool: httpx.AsyncClient, book: TaskBook
) -> None:
    await book.apply(reported("failed", 5.5, detail="(7.8) by URL", check="7.8"))
    (replicate,) = (await pool.get(f"/tasks/{TASK}")).json()["replicates"]
    assert (replicate["walletAddress"], replicate["currentStatus"]) == (WORKER.address, "FAILED")
    assert replicate["statusUpdateList"] == [{"status": "FAILED", "date": "1970-01-01T00:00:05.000Z"}]
    assert "7.8" not in str(replicate), "the reason is the requester's"


async def test_the_requester_reads_in_the_logs_why_a_task_has_no_result(
    pool: httpx.AsyncClient, book: TaskBook
) -> None:
    await book.apply(reported("failed", 5.5, detail="(7.8) by URL", check="7.8"))
    await book.apply(
        e.VaultsAnswered(at=6.5, task=TASK, check="7.8", detail="3 of 3 vaults refuse the deal", denied=False)
    )
    logs = (await pool.get(f"/tasks/{TASK}/logs", headers=await token(pool, REQUESTER))).json()["computeLogsList"]
    assert [(log["walletAddress"], log["stdout"], log["stderr"]) for log in logs] == [
        (WORKER.address, "", "ended without a result: (7.8) by URL"),
        (WORKER.address, "", "3 of 3 vaults refuse the deal"),  # by the pool's owner, which is the same account here
    ]
    assert (await pool.get(f"/tasks/{TASK}")).json()["currentStatus"] == "FAILED"


async def test_no_other_account_reads_the_logs(pool: httpx.AsyncClient, clock: Clock) -> None:
    of_a_stranger, forged = await token(pool, STRANGER), await token(pool, REQUESTER, signer=STRANGER)
    for proof in (of_a_stranger, forged, {}):
        assert (await pool.get(f"/tasks/{TASK}/logs", headers=proof)).status_code == 403
    late = await token(pool, REQUESTER)
    clock.now += 2 * PERIOD_SECONDS
    assert (await pool.get(f"/tasks/{TASK}/logs", headers=late)).status_code == 403


async def test_a_pool_names_its_own_api_and_no_other(pool: httpx.AsyncClient) -> None:
    assert (await pool.get(f"/{CHAIN}/workerpools/{POOL}")).json() == {"apiUrl": "http://127.0.0.1:4"}
    assert (await pool.get(f"/{CHAIN}/workerpools/{WORKER.address}")).status_code == 404
    assert (await pool.get(f"/1/workerpools/{POOL}")).status_code == 404
    assert (await pool.get(f"/{CHAIN}/workerpools/0x12")).status_code == 400
