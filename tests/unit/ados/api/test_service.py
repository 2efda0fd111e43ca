"""Transactions over HTTP: bought once each, over repeats and crashes; keys, limits, spending, states."""

import asyncio
import errno
import json
import re
from pathlib import Path

import httpx
import pytest

from sealgrid.ados.api import store as store_module
from sealgrid.ados.api.application import HourlyLimit, application
from sealgrid.ados.api.config import ApiConfig
from sealgrid.ados.api.keys import ApiKeyFolder
from sealgrid.ados.api.references import DataReferences
from sealgrid.ados.api.seller import ados_status
from sealgrid.ados.api.service import AT_ONCE, BoughtScore, ScoreQuote, TransactionService
from sealgrid.ados.api.store import TransactionLimits, TransactionStore
from sealgrid.errors import AppFailed, InputRefused, NotFound, ServiceUnavailable
from sealgrid.sdk.amounts import Amount

BODY = {"data": "data:text/csv,time%2Ca%0A1%2C2%0A", "model": "stations"}
PRICE = 100


class Killed(BaseException):
    """The process ends here."""


class CountingSeller:
    """What a network does with idempotency keys: the first purchase of a transaction counts."""

    def __init__(self):
        self.bought, self.calls, self.run_state = {}, 0, "ACTIVE"
        self.dies_at, self.fails, self.ended = "", [], asyncio.Event()

    async def quote(self, request, readings, arguments):
        if request.model != "stations":
            raise NotFound("nobody offers this model.")
        await asyncio.sleep(0)
        return ScoreQuote("0xapp", "0xmodel", Amount(PRICE))

    async def buy(self, record, readings):
        self._step("buy")
        assert self.bought.setdefault(record.id, readings) == readings
        self.calls += 1
        self._step("bought")
        return BoughtScore(f"bag-{record.id[:4]}", f"0x{record.id}", PRICE - 1)

    async def answer(self, record):
        self._step("answer")
        await self.ended.wait()
        self._step("answered")
        return b'{"schema":"sealgrid/data-quality/1"}'

    async def status(self, record):
        return self.run_state

    async def cost(self, record):
        return 0 if self.run_state == "FAILED" else record.price

    def _step(self, name):
        if self.dies_at == name:
            raise Killed
        if self.fails and self.fails[0][0] == name:
            raise self.fails.pop(0)[1]


class Market:
    async def listing(self):
        return b'{"@graph": []}'


class ServedApi:
    """The API as one process after another serves it from one folder."""

    def __init__(self, folder):
        self.config, self.limits, self.now = ApiConfig(folder=folder), TransactionLimits(), 1_700_000_000
        self.seller, self.keys = CountingSeller(), ApiKeyFolder(self.config.keys)
        self.token = self.keys.create("acme", requests_per_hour=50, spending=5 * PRICE)
        self.other = self.keys.create("other", requests_per_hour=50, spending=0)
        self.start()

    def start(self):
        self._held = TransactionStore.hold(self.config.transactions, self.limits)
        self.store = self._held.__enter__()

        async def pause(_):
            await asyncio.sleep(0)

        references = DataReferences((), 1000, httpx.AsyncClient())
        self.service = TransactionService(self.store, self.seller, references, clock=lambda: self.now, pause=pause)
        app = application(self.service, self.keys, Market(), self.config, HourlyLimit(lambda: 0.0))
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")
        self.service.resume()

    async def restart(self):
        await self.stop()
        self.start()

    async def stop(self):
        await self.service.close()
        self._held.__exit__(None, None, None)

    async def post(self, body=BODY, token=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        authorization = {"authorization": f"Bearer {token or self.token}"}
        return await self.http.post("/", content=json.dumps(body), headers=authorization | headers)

    async def get(self, path, token=None):
        return await self.http.get(path, headers={"authorization": f"Bearer {token or self.token}"})

    async def settle(self):
        """Let the work in the background come to its next wait."""
        for _ in range(50):
            await asyncio.sleep(0)


@pytest.fixture
async def api(tmp_path):
    served = ServedApi(tmp_path / "api")
    yield served
    await served.stop()


async def test_a_transaction_goes_through_adoss_states_to_its_result(api):
    answer = await api.post()
    assert answer.status_code == 201
    first = answer.json()
    assert (first["status"], first["task_id"]) == ("INITIATING", "unassigned")
    path, shown = f"/transactions/{first['source']}", []
    await api.settle()
    for api.seller.run_state in ("UNSET", "ACTIVE", "REVEALING", "COMPLETE"):
        shown.append((await api.get(path)).json()["status"])
    api.seller.ended.set()
    await api.settle()
    last = (await api.get(path)).json()
    assert [*shown, last["status"]] == ["UNSET", "ACTIVE", "REVEALING", "COMPLETE", "DELIVERED"]
    assert last["data"] == {"schema": "sealgrid/data-quality/1"}
    assert last["task_id"] == f"0x{first['source']}"
    [listed] = (await api.get("/transactions")).json()
    assert listed == {
        "transaction_id": first["source"],
        "task_id": last["task_id"],
        "last_update": "2023-11-14T22:13:20+00:00",
    }


async def test_an_idempotency_key_buys_once_also_in_two_requests_at_one_time(api):
    answers = await asyncio.gather(*(api.post(idempotency_key="monday") for _ in range(3)))
    assert len({each.json()["source"] for each in answers}) == 1
    await api.settle()
    await api.post(idempotency_key="monday")
    assert api.seller.calls == 1
    other = await api.post({**BODY, "window": 6}, idempotency_key="monday")
    assert (other.status_code, api.seller.calls) == (400, 1)
    assert "used for another request" in other.json()["error"]
    assert (await api.post()).json()["source"] != answers[0].json()["source"]


@pytest.mark.parametrize("dies_at", ["buy", "bought", "answer", "answered"])
async def test_after_a_crash_at_any_step_the_same_transaction_continues_and_buys_nothing_twice(api, dies_at):
    api.seller.dies_at = dies_at
    api.seller.ended.set()
    source = (await api.post(idempotency_key="monday")).json()["source"]
    await api.settle()
    api.seller.dies_at = ""
    await api.restart()
    assert (await api.post(idempotency_key="monday")).json()["source"] == source
    await api.settle()
    assert (await api.get(f"/transactions/{source}")).json()["status"] == "DELIVERED"
    assert list(api.seller.bought) == [source]
    assert not list(api.config.transactions.glob("*.readings"))


async def test_a_crash_before_the_answer_is_sent_leaves_a_transaction_that_the_repeat_finds(api, monkeypatch):
    def die(record):
        raise Killed

    monkeypatch.setattr(api.service, "start", die)
    with pytest.raises(Killed):
        await api.post(idempotency_key="monday")
    await api.restart()
    api.seller.ended.set()
    await api.post(idempotency_key="monday")
    await api.settle()
    assert api.seller.calls == 1


async def test_a_network_that_does_not_answer_is_asked_again(api):
    api.seller.fails = [("buy", ServiceUnavailable("away.")), ("bought", ServiceUnavailable("away."))]
    api.seller.ended.set()
    source = (await api.post()).json()["source"]
    await api.settle()
    assert (await api.get(f"/transactions/{source}")).json()["status"] == "DELIVERED"
    assert len(api.seller.bought) == 1


@pytest.mark.parametrize(("state", "cost"), [("FAILED", 0), ("COMPLETE", PRICE - 1)], ids=["refunded", "paid"])
async def test_a_run_without_an_answer_has_its_error_and_costs_what_was_paid(api, state, cost):
    api.seller.fails = [("answered", AppFailed("the app failed.", task="0x", log="", exit=2))]
    api.seller.run_state = state
    api.seller.ended.set()
    source = (await api.post()).json()["source"]
    await api.settle()
    failed = (await api.get(f"/transactions/{source}")).json()
    assert (failed["status"], failed["error"]) == ("FAILED", "the app failed.")
    assert api.store.spent("acme") == cost


async def test_a_key_spends_no_more_than_its_limit_also_over_a_restart(api):
    answers = await asyncio.gather(*(api.post() for _ in range(7)))  # at one time
    assert sorted(each.status_code for each in answers) == [201] * 5 + [429] * 2
    refused = await api.post()
    assert re.search(r"your key has spent 0\.0000004?\d* RLC of 0\.0000005 RLC", refused.json()["error"])
    await api.restart()
    assert (await api.post()).status_code == 429
    assert (await api.post(token=api.other)).status_code == 429


async def test_a_key_has_its_own_transactions_only(api):
    source = (await api.post()).json()["source"]
    assert (await api.get(f"/transactions/{source}", api.other)).status_code == 404
    assert (await api.get("/transactions", api.other)).json() == []


async def test_without_a_key_only_the_marketplace_and_the_description_answer(api):
    for path in ("/transactions", "/transactions/x"):
        assert (await api.http.get(path)).status_code == 401
    assert (await api.http.post("/", content=json.dumps(BODY))).status_code == 401
    listed = await api.http.get("/marketplace")
    assert (listed.status_code, listed.headers["content-type"]) == (200, "application/ld+json")
    assert (await api.http.get("/openapi.json")).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"model": "stations"}, 400),
        ({**BODY, "weightsFile": "x"}, 400),
        ({**BODY, "window": 0}, 400),
        ({**BODY, "model": "unknown"}, 404),
        ({**BODY, "data": "http://127.0.0.1/"}, 400),
        ({**BODY, "data": "data:," + "x" * 1001}, 413),
        ({**BODY, "data": "data:," + "x" * (4 << 20)}, 413),
    ],
    ids=["no data", "unknown field", "no window", "unknown model", "foreign host", "large data", "large body"],
)
async def test_a_request_that_cannot_be_bought_is_refused_and_leaves_nothing(api, body, status):
    assert (await api.post(body)).status_code == status
    assert [each.name for each in api.config.transactions.iterdir()] == ["lock"]


async def test_a_key_of_the_wrong_length_is_refused(api):
    assert (await api.post(idempotency_key="x" * 256)).status_code == 400


async def test_two_processes_cannot_serve_one_folder(api):
    with pytest.raises(InputRefused, match="another process"), TransactionStore.hold(api.config.transactions):
        pass


async def test_the_records_of_a_folder_are_read_once_it_is_held(api):
    later = TransactionStore.hold(api.config.transactions)  # made while another process serves
    await api.post()
    await api.stop()
    with later as store:
        assert len(list(store.unfinished())) == 1
    api.start()


@pytest.fixture
def disk(monkeypatch):
    """Return a function that makes the next write fail whose file or content has these bytes."""
    write, full = store_module.write_private, []

    def write_private(path, content):
        if full and full[0] in str(path).encode() + content:
            full.pop()
            raise OSError(28, "No space left on device")
        write(path, content)

    monkeypatch.setattr(store_module, "write_private", write_private)
    return full.append


@pytest.mark.parametrize("written", [b'"state":"bought"', b".result", b'"state":"delivered"', b'"state":"failed"'])
async def test_a_disk_that_is_full_after_the_purchase_keeps_it_and_is_tried_again(api, disk, written):
    if b"failed" in written:
        api.seller.fails = [("answered", AppFailed("the app failed."))] * 2
    disk(written)
    api.seller.ended.set()
    source = (await api.post()).json()["source"]
    await api.settle()
    answer = (await api.get(f"/transactions/{source}")).json()
    assert answer["status"] == ("FAILED" if b"failed" in written else "DELIVERED")
    assert (list(api.seller.bought), api.store.spent("acme")) == ([source], PRICE - 1)


@pytest.mark.parametrize("written", [b".readings", b'"state":"initiating"'])
async def test_a_disk_that_is_full_before_the_purchase_refuses_the_request_and_shows_no_path(api, disk, written):
    disk(written)
    refused = await api.post(idempotency_key="monday")
    assert (refused.status_code, api.store.spent("acme")) == (503, 0)
    assert str(api.config.folder) not in refused.text
    assert [each.name for each in api.config.transactions.iterdir()] == ["lock"]
    assert (await api.post(idempotency_key="monday")).status_code == 201


async def test_an_answer_that_cannot_be_read_now_is_unavailable_and_shows_no_path(api):
    api.seller.ended.set()
    source = (await api.post()).json()["source"]
    await api.settle()
    (api.config.transactions / f"{source}.result").unlink()
    answer = await api.get(f"/transactions/{source}")
    assert answer.status_code == 503
    assert str(api.config.folder) not in answer.text


async def test_readings_of_some_requests_are_in_memory_at_one_time(api, monkeypatch):
    now, most = 0, 0

    async def read(reference):
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return b"readings"

    monkeypatch.setattr(api.service._references, "read", read)
    await asyncio.gather(*(api.post() for _ in range(AT_ONCE + 3)))
    assert most == AT_ONCE


async def test_the_description_is_openapi_and_names_every_route_and_message(api):
    document = (await api.http.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    assert set(document["paths"]) == {"/", "/transactions", "/transactions/{id}", "/marketplace", "/openapi.json"}
    text = json.dumps(document)
    for name in document["components"]["schemas"]:
        assert f"#/components/schemas/{name}" in text
    wanted = document["components"]["schemas"]["ScoreRequest"]
    assert (wanted["required"], wanted["additionalProperties"]) == (["data", "model"], False)


@pytest.mark.parametrize(
    ("state", "stage", "expected"),
    [
        ("waiting", "", "UNSET"),
        ("running", "attested", "ACTIVE"),
        ("running", "sealed", "REVEALING"),
        ("paid", "completed", "COMPLETE"),
        ("answered", "completed", "COMPLETE"),
        ("refunded", "", "FAILED"),
    ],
)
def test_a_runs_state_has_adoss_name(state, stage, expected):
    assert ados_status(state, stage) == expected


async def test_ended_transactions_are_removed_after_their_time_and_their_cost_still_counts(api):
    api.seller.ended.set()
    first = (await api.post()).json()["source"]
    await api.settle()
    api.now += api.limits.seconds + 1
    second = (await api.post()).json()["source"]
    await api.settle()
    assert [(await api.get(f"/transactions/{each}")).status_code for each in (first, second)] == [404, 200]
    assert sorted(path.name for path in api.config.transactions.glob(f"{first}*")) == []
    await api.restart()
    assert api.store.spent("acme") == 2 * (PRICE - 1)


async def test_of_one_key_the_newest_ended_transactions_are_kept(api):
    api.limits = TransactionLimits(ended=1)
    await api.restart()
    api.seller.ended.set()
    for _ in range(3):
        api.now += 1
        newest = (await api.post()).json()["source"]
        await api.settle()
    assert len((await api.get("/transactions")).json()) == 2  # the one before the newest goes with the next
    assert (await api.get(f"/transactions/{newest}")).status_code == 200
    assert api.store.spent("acme") == 3 * (PRICE - 1)


async def test_the_cost_of_a_transaction_counts_once_when_its_removal_is_interrupted(api, monkeypatch):
    api.seller.ended.set()
    await api.post()
    await api.settle()
    api.now += api.limits.seconds + 1
    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", _refuse)
        assert (await api.post()).status_code == 503
    assert (await api.post()).status_code == 201
    await api.restart()
    await api.settle()
    assert api.store.spent("acme") == 2 * (PRICE - 1)


def _refuse(*_arguments, **_options):
    raise OSError(errno.EIO, "Input/output error")


async def test_a_key_has_few_transactions_without_an_end(api):
    api.limits = TransactionLimits(unfinished=2)
    await api.restart()
    answers = [await api.post() for _ in range(3)]
    assert [each.status_code for each in answers] == [201, 201, 429]
    assert "2 transactions without an end" in answers[2].json()["error"]
    assert len(list(api.config.transactions.glob("*.readings"))) <= 2
    api.seller.ended.set()
    await api.settle()
    assert (await api.post()).status_code == 201
