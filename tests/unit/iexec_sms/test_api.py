"""Routes for result keys. Routes for secrets are tested in tests/integration/test_iexec_secrets.py."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sealgrid.attestation.statements import poco_authorisation
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.iexec_challenge import named_secret_digest
from sealgrid.crypto.iexec_result_key import RESULT_KEY_NAME
from sealgrid.crypto.signing import Domain, SigningKey, personal_digest, recover
from sealgrid.iexec_sms.api import application
from sealgrid.iexec_sms.document_store import DocumentStore
from sealgrid.iexec_sms.federation import SecretAsset, SplitTarget, VaultMembers
from sealgrid.iexec_sms.result_keys import MAX_REGISTRATIONS, ResultKeyHistory
from sealgrid.iexec_sms.service import ActiveTask, Delivery, SecretService
from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.local_files import LocalFiles
from sealgrid.units import ZERO_ADDRESS, Address, TaskId, to_digest
from sealgrid.wire.service_access import ServiceAccess

OWNER, OTHER = SigningKey.from_bytes(b"\x11" * 32), SigningKey.from_bytes(b"\x12" * 32)
PAGE = {"origin": "https://somewhere.example"}


TASK = TaskId("0x" + "7a" * 32)
POOL, WORKER, ENCLAVE = SigningKey.from_bytes(b"\x13" * 32), "0x" + "3b" * 20, "0x" + "3c" * 20
MATCHED_AT = 500  #: Unix seconds of the block in which TASK's deal was matched


class Chain:
    """A chain with one active task, without assets."""

    def __init__(self) -> None:
        self.now = 100
        self.is_active = True

    async def asset(self, kind: str, address: Address) -> SecretAsset | None:
        return None

    async def active_task(self, task: TaskId) -> ActiveTask | None:
        active = ActiveTask(pool_signer=POOL.address, beneficiary=OWNER.address, start_time=MATCHED_AT)
        return active if self.is_active and task == TASK else None

    async def head_time(self) -> int:
        return self.now


def rsa_key() -> bytes:
    public = rsa.generate_private_key(65537, 2048).public_key()
    return base64.b64encode(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


KEY_1, KEY_2, KEY_3 = rsa_key(), rsa_key(), rsa_key()


def adapter(
    folder: Path, chain: Chain | None = None, *, limit: int = 10, requests_per_minute: int = 0, pushes: int = 0
) -> httpx.AsyncClient:
    members = VaultMembers(SplitTarget(Domain(31337, ZERO_ADDRESS), ZERO_ADDRESS, (), 1), ())
    deliveries = DocumentStore(folder / "deliveries", Delivery, limit=limit)
    files = LocalFiles(ContentFolder(folder / "files"))
    result_keys = DocumentStore(folder / "result-keys", ResultKeyHistory, limit=limit)
    secrets = SecretService(members, chain or Chain(), files, deliveries, result_keys)
    app = application(secrets, ServiceAccess(requests_per_minute=requests_per_minute), pushes_per_hour=pushes)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
async def http(tmp_path: Path, chain: Chain) -> AsyncIterator[httpx.AsyncClient]:
    async with adapter(tmp_path, chain) as client:
        yield client


async def push(
    http: httpx.AsyncClient,
    value: bytes = KEY_1,
    by: SigningKey = OWNER,
    *,
    method: str = "POST",
    name: str = RESULT_KEY_NAME,
) -> httpx.Response:
    signature = by.sign(named_secret_digest(OWNER.address, name, to_digest(keccak256(value))))
    params = {"ownerAddress": OWNER.address, "secretName": name}
    headers = {"authorization": "0x" + signature.hex(), "content-type": "text/plain"}
    return await http.request(method, "/secrets/web2", params=params, content=value, headers=headers)


async def exists(http: httpx.AsyncClient, name: str = RESULT_KEY_NAME) -> int:
    return (await http.head("/secrets/web2", params={"ownerAddress": OWNER.address, "secretName": name})).status_code


async def current(http: httpx.AsyncClient) -> bytes:
    return (await http.get(f"/result-keys/{OWNER.address}")).json()["value"].encode()


async def of_task(http: httpx.AsyncClient, *, by: SigningKey = POOL, task: TaskId = TASK) -> httpx.Response:
    signature = by.sign(personal_digest(poco_authorisation(WORKER, task, ENCLAVE)))
    body = {"task": task, "worker": WORKER, "enclave": ENCLAVE, "signature": base64.b64encode(signature).decode()}
    return await http.post("/result-keys", json=body)


async def test_a_result_key_is_public_without_its_owners_signature(http: httpx.AsyncClient) -> None:
    assert await exists(http) == 404
    assert (await push(http)).status_code == 204
    assert await exists(http) == 204
    shown = (await http.get(f"/result-keys/{OWNER.address}")).json()
    assert shown == {"owner": OWNER.address, "value": KEY_1.decode()}


async def test_only_put_replaces_a_result_key(http: httpx.AsyncClient) -> None:
    await push(http)
    again = await push(http, KEY_2)
    assert (again.status_code, again.json()["check"]) == (409, "result-key.4")
    assert (await push(http, KEY_2, method="PUT")).status_code == 204
    assert await current(http) == KEY_2


async def test_an_account_alternates_between_the_keys_of_its_browsers_as_often_as_it_likes(
    http: httpx.AsyncClient,
) -> None:
    for _ in range(60):
        for key in (KEY_1, KEY_2):
            assert (await push(http, key, method="PUT")).status_code == 204
            assert await current(http) == key


async def test_a_task_gets_the_key_that_was_current_when_its_deal_was_matched(
    http: httpx.AsyncClient, chain: Chain
) -> None:
    for key, time in ((KEY_1, 400), (KEY_2, MATCHED_AT), (KEY_3, MATCHED_AT + 1), (KEY_1, MATCHED_AT + 2)):
        chain.now = time
        await push(http, key, method="PUT")
    answer = await of_task(http)
    digest = named_secret_digest(OWNER.address, RESULT_KEY_NAME, to_digest(keccak256(KEY_2)))
    assert answer.json()["value"].encode() == KEY_2
    assert recover(digest, base64.b64decode(answer.json()["signature"])) == OWNER.address


async def test_only_a_worker_that_the_tasks_pool_authorised_gets_the_signature(http: httpx.AsyncClient) -> None:
    await push(http)
    refused = await of_task(http, by=OTHER)
    assert (refused.status_code, refused.json()["check"]) == (403, "result-key-request.2")


async def test_nobody_gets_the_signature_for_a_task_that_ended_or_does_not_exist(
    http: httpx.AsyncClient, chain: Chain
) -> None:
    await push(http)
    unknown = await of_task(http, task=TaskId("0x" + "7b" * 32))
    chain.is_active = False
    ended = await of_task(http)
    assert [each.json()["check"] for each in (unknown, ended)] == ["result-key-request.1"] * 2


async def test_a_beneficiary_without_a_key_is_not_found(http: httpx.AsyncClient) -> None:
    assert (await of_task(http)).status_code == 404


async def test_a_flood_of_earlier_keys_gives_a_task_no_key(http: httpx.AsyncClient, chain: Chain) -> None:
    chain.now = MATCHED_AT
    await push(http)
    chain.now = MATCHED_AT + 1
    for number in range(MAX_REGISTRATIONS):
        await push(http, (KEY_2, KEY_3)[number % 2], method="PUT")
    answer = await of_task(http)
    assert (answer.status_code, "is not stored any more" in answer.json()["error"]) == (404, True)


@pytest.mark.parametrize("task", ["", "0x12", "0x" + "g" * 64, "7a" * 40])
async def test_a_malformed_task_id_is_refused(http: httpx.AsyncClient, task: str) -> None:
    body = {"task": task, "worker": WORKER, "enclave": ENCLAVE, "signature": ""}
    refused = await http.post("/result-keys", json=body)
    assert (refused.status_code, refused.json()["type"]) == (400, "InputRefused")


async def test_result_keys_survive_a_restart(http: httpx.AsyncClient, tmp_path: Path) -> None:
    await push(http)
    async with adapter(tmp_path) as again:
        assert await exists(again) == 204


async def test_an_account_does_not_replace_the_key_of_another(http: httpx.AsyncClient) -> None:
    await push(http)
    assert (await push(http, KEY_2, OTHER, method="PUT")).status_code == 401


async def test_a_token_for_another_storage_is_refused_since_results_go_to_ipfs(http: httpx.AsyncClient) -> None:
    answer = await push(http, name="iexec-result-dropbox-token")
    assert (answer.status_code, "IPFS" in answer.json()["error"]) == (400, True)
    assert await exists(http, "iexec-result-dropbox-token") == 404


@pytest.mark.parametrize(("size", "status"), [(5000, 413), (50_000, 413)])
async def test_a_value_that_is_too_long_is_refused(http: httpx.AsyncClient, size: int, status: int) -> None:
    assert (await push(http, b"A" * size)).status_code == status


async def test_an_invalid_address_is_refused(http: httpx.AsyncClient) -> None:
    for path in ("/secrets/web3?secretAddress=0x12", "/secrets/web3", f"/secrets/web2?secretName={RESULT_KEY_NAME}"):
        assert (await http.head(path)).status_code == 400
    assert (await http.get("/result-keys/..%2Fx")).status_code in {400, 404}


async def test_an_account_without_a_key_is_not_found(http: httpx.AsyncClient) -> None:
    assert (await http.get(f"/result-keys/{OTHER.address}")).status_code == 404


async def test_the_number_of_stored_keys_is_limited(tmp_path: Path) -> None:
    async with adapter(tmp_path, limit=0) as full:
        assert (await push(full)).status_code == 503
        assert await exists(full) == 404


async def test_the_request_rate_is_limited(tmp_path: Path) -> None:
    async with adapter(tmp_path, requests_per_minute=2) as busy:
        assert [await exists(busy) for _ in range(3)] == [404, 404, 429]


async def test_pages_of_any_origin_may_read_and_push(http: httpx.AsyncClient) -> None:
    request = {"access-control-request-method": "PUT", "access-control-request-headers": "authorization"}
    preflight = await http.options("/secrets/web2", headers=PAGE | request)
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "PUT" in preflight.headers["access-control-allow-methods"]
    assert (await http.get(f"/result-keys/{OWNER.address}", headers=PAGE)).headers["access-control-allow-origin"] == "*"


async def test_one_client_pushes_so_many_keys_an_hour_and_reads_on(tmp_path: Path) -> None:
    async with adapter(tmp_path, pushes=2) as http:
        assert [(await push(http, key, method="PUT")).status_code for key in (KEY_1, KEY_2, KEY_3)] == [204, 204, 429]
        assert await exists(http) == 204
