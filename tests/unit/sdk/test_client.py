"""Connecting an account, and what a purchase refuses before any service is called."""

import io
from types import SimpleNamespace

import pytest

from sealgrid.bundle.input_spec import FileSpec, InputSpec
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused, NotFound, ServiceUnavailable
from sealgrid.sdk import client
from sealgrid.sdk.client import connect_async
from sealgrid.sdk.stores import keystores
from sealgrid.sdk.stores.job_store import JobStore
from sealgrid.sdk.stores.keystores import KeystoreFolder
from sealgrid.units import ZERO_ADDRESS, to_digest
from tests.unit.sdk.network_file import network
from tests.unit.sdk.stores.job_records import job, record

LOCAL = network(folder="/nowhere")
CONTRACT = "0x" + "55" * 20


async def test_an_own_key_or_a_keystore_with_its_password_connects(tmp_path, monkeypatch):
    monkeypatch.setattr(keystores, "SCRYPT_N", 2)
    key = SigningKey.generate()
    KeystoreFolder(tmp_path / "accounts").add("alice", key, "correct horse")
    for account in (key, "alice"):
        async with connect_async(account, network=LOCAL, data=tmp_path, password="correct horse") as me:
            assert me.account.address == key.address


@pytest.mark.parametrize(
    ("account", "where", "reason"),
    [
        ("alice", LOCAL, "opens with its password only"),
        ("bob", LOCAL, "there is no account 'bob'; .* a local network has admin"),
        ("owner", network(), "the key of 'owner' is public"),
    ],
)
async def test_an_account_that_cannot_be_opened_is_refused(tmp_path, monkeypatch, account, where, reason):
    monkeypatch.setattr(keystores, "SCRYPT_N", 2)
    KeystoreFolder(tmp_path / "accounts").add("alice", SigningKey.generate(), "correct horse")
    with pytest.raises(InputRefused, match=reason):
        async with connect_async(account, network=where, data=tmp_path):
            pass


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"callback": "0x12"}, "is not a contract address for a callback"),
        ({"files": ["/nowhere/input.csv"]}, "/nowhere/input.csv cannot be read"),
        ({"tasks": 0}, "0 tasks cannot be bought"),
        ({"callback": CONTRACT, "deferred_callback": True}, "not both"),
        ({"max_price": 3}, "is not a valid amount"),
    ],
)
async def test_a_request_that_no_run_can_have_moves_no_money(tmp_path, options, reason):
    async with connect_async("requester", network=LOCAL, data=tmp_path) as me:
        for ask in (me.run, me.quote):
            with pytest.raises(InputRefused, match=reason) as refused:
                await ask("onnx-runner", **options)
            assert refused.value.money == "No money moved."


class Table:
    """A table, whose format depends on the app."""

    columns = ("a",)

    def to_csv(self, *, index):
        return "a\n1\n"

    def to_json(self, *, orient):
        return '[{"a":1}]'


async def test_an_open_file_beside_a_table_is_read_once(tmp_path, monkeypatch):
    requests = []

    async def find_offered(*_):
        return ZERO_ADDRESS, ZERO_ADDRESS

    async def runnable_manifest(*_):
        return SimpleNamespace(inputs=InputSpec(files=FileSpec(max=2, media_types=("application/json",))))

    async def quote(conn, request, **_):
        requests.append(request)

    monkeypatch.setattr(client, "find_offered", find_offered)
    monkeypatch.setattr(client, "runnable_manifest", runnable_manifest)
    monkeypatch.setattr(client.quotes, "quote", quote)
    async with connect_async("requester", network=LOCAL, data=tmp_path) as me:
        await me.quote("onnx-runner", files=[Table(), ("notes.txt", io.BytesIO(b"read once"))])
    assert requests[0].files == [("input.json", b'[{"a":1}]'), ("notes.txt", b"read once")]


async def test_a_purchase_that_fails_before_the_deal_leaves_no_result_key(tmp_path):
    async with connect_async("requester", network=LOCAL, data=tmp_path) as me:
        with pytest.raises(ServiceUnavailable):
            await me.run("onnx-runner")
    assert JobStore(tmp_path / "jobs").all() == ()


async def test_a_run_is_reopened_on_its_own_chain_only(tmp_path):
    bought = job()
    JobStore(tmp_path / "jobs").store(record(bought))
    own = network(folder="/nowhere", genesis=record(bought).genesis)
    async with connect_async("requester", network=own, data=tmp_path) as me:
        with pytest.raises(InputRefused, match="was bought on another chain than 'quiet'"):
            me.reopen(bought.task)
        with pytest.raises(NotFound, match="has no key for task"):
            me.reopen(to_digest(b"\x07" * 32))
