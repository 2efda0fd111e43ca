"""Routes for result keys. Routes for secrets are tested in tests/integration/test_iexec_secrets.py."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.iexec_challenge import named_secret_digest
from sealgrid.crypto.iexec_result_key import RESULT_KEY_NAME
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.iexec_sms import service as service_module
from sealgrid.iexec_sms.api import application
from sealgrid.iexec_sms.document_store import DocumentStore
from sealgrid.iexec_sms.federation import SecretAsset, SplitTarget, VaultMembers
from sealgrid.iexec_sms.service import Delivery, ReplacedKeys, SecretService
from sealgrid.storage.content_folder import ContentFolder
from sealgrid.storage.local_files import LocalFiles
from sealgrid.units import ZERO_ADDRESS, Address, to_digest
from sealgrid.wire.iexec_sms import RegisteredResultKey
from sealgrid.wire.service_access import ServiceAccess

OWNER, OTHER = SigningKey.from_bytes(b"\x11" * 32), SigningKey.from_bytes(b"\x12" * 32)
PAGE = {"origin": "https://somewhere.example"}


class NoAssets:
    async def asset(self, kind: str, address: Address) -> SecretAsset | None:
        return None


def rsa_key() -> bytes:
    public = rsa.generate_private_key(65537, 2048).public_key()
    return base64.b64encode(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


KEY_1, KEY_2, KEY_3 = rsa_key(), rsa_key(), rsa_key()


def adapter(folder: Path, *, limit: int = 10, requests_per_minute: int = 0) -> httpx.AsyncClient:
    members = VaultMembers(SplitTarget(Domain(31337, ZERO_ADDRESS), ZERO_ADDRESS, (), 1), ())
    deliveries = DocumentStore(folder / "deliveries", Delivery, limit=limit)
    files = LocalFiles(ContentFolder(folder / "files"))
    result_keys = DocumentStore(folder / "result-keys", RegisteredResultKey, limit=limit)
    replaced = DocumentStore(folder / "given-up", ReplacedKeys, limit=limit)
    secrets = SecretService(members, NoAssets(), files, deliveries, result_keys, replaced_keys=replaced)
    app = application(secrets, ServiceAccess(requests_per_minute=requests_per_minute))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with adapter(tmp_path) as client:
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


async def test_a_result_key_is_public_with_its_owners_signature(http: httpx.AsyncClient) -> None:
    assert await exists(http) == 404
    assert (await push(http)).status_code == 204
    assert await exists(http) == 204
    shown = (await http.get(f"/result-keys/{OWNER.address}")).json()
    assert (shown["owner"], shown["value"].encode()) == (OWNER.address, KEY_1)


async def test_only_put_replaces_a_result_key(http: httpx.AsyncClient) -> None:
    await push(http)
    again = await push(http, KEY_2)
    assert (again.status_code, again.json()["check"]) == (409, "result-key.4")
    assert (await push(http, KEY_2, method="PUT")).status_code == 204
    assert (await http.get(f"/result-keys/{OWNER.address}")).json()["value"].encode() == KEY_2


async def test_a_replaced_key_is_not_restored_with_its_public_signature(
    http: httpx.AsyncClient, tmp_path: Path
) -> None:
    await push(http)
    old = (await http.get(f"/result-keys/{OWNER.address}")).json()
    await push(http, KEY_2, method="PUT")
    authorization = "0x" + base64.b64decode(old["signature"]).hex()
    params = {"ownerAddress": OWNER.address, "secretName": RESULT_KEY_NAME}
    request = {"params": params, "content": old["value"].encode(), "headers": {"authorization": authorization}}
    async with adapter(tmp_path) as restarted:
        again = await restarted.put("/secrets/web2", **request)
        assert (again.status_code, again.json()["check"]) == (409, "result-key.5")
        assert (await restarted.get(f"/result-keys/{OWNER.address}")).json()["value"].encode() == KEY_2


async def test_a_key_that_is_pushed_again_does_not_count_as_replaced(http: httpx.AsyncClient) -> None:
    await push(http)
    assert [(await push(http, method="PUT")).status_code for _ in range(2)] == [204, 204]


async def test_the_number_of_replacements_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "MAX_REPLACED_KEYS", 1)
    async with adapter(tmp_path) as http:
        await push(http)
        assert (await push(http, KEY_2, method="PUT")).status_code == 204
        assert (await push(http, KEY_3, method="PUT")).json()["check"] == "result-key.5"


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
