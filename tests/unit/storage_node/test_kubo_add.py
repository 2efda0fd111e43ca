"""What uploaders of IPFS expect of the node; Kubo itself gave the addresses (see crypto/test_unixfs.py)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from sealgrid.storage_node.config import StorageNodeConfig
from sealgrid.storage_node.runner import create_node

HELLO = "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD"  # b"hello world", known to every IPFS node
FILE_LIMIT = 1 << 20


@pytest.fixture
def config(tmp_path: Path) -> StorageNodeConfig:
    return StorageNodeConfig(folder=tmp_path, file_limit=FILE_LIMIT, total_limit=32 * FILE_LIMIT)


@pytest.fixture
async def http(config: StorageNodeConfig) -> AsyncIterator[httpx.AsyncClient]:
    async with opened(config) as client:
        yield client


def opened(config: StorageNodeConfig) -> httpx.AsyncClient:
    app, _ = create_node(config)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


async def add(http: httpx.AsyncClient, content: bytes, query: str = "") -> httpx.Response:
    return await http.post(f"/api/v0/add{query}", files={"file": ("a file", content)})


async def test_a_file_gets_the_name_that_every_ipfs_node_gives_it(http: httpx.AsyncClient) -> None:
    answer = await add(http, b"hello world", "?stream-channels=true&progress=false")
    assert answer.json() == {"Name": HELLO, "Hash": HELLO, "Size": "11"}
    assert (await http.get(f"/ipfs/{HELLO}")).content == b"hello world"


async def test_a_head_request_returns_the_size_and_no_content(http: httpx.AsyncClient) -> None:
    await add(http, b"hello world")
    there, missing = await http.head(f"/ipfs/{HELLO}"), await http.head(f"/ipfs/{HELLO[:-1]}E")
    assert (there.status_code, there.headers["content-length"], there.content) == (200, "11", b"")
    assert missing.status_code == 404


async def test_pages_of_any_site_download_and_add_nothing_as_at_kubo(http: httpx.AsyncClient) -> None:
    page = {"origin": "https://dapp.example"}
    await add(http, b"hello world")
    for method in ("GET", "HEAD"):
        found = await http.request(method, f"/ipfs/{HELLO}", headers=page)
        assert (found.status_code, found.headers["access-control-allow-origin"]) == (200, "*")
    added = await http.post("/api/v0/add", files={"file": ("a file", b"other")}, headers=page)
    assert (added.status_code, (await http.post("/uploads", headers=page)).status_code) == (403, 403)


async def test_names_outlive_the_node(http: httpx.AsyncClient, config: StorageNodeConfig) -> None:
    await add(http, b"hello world")
    async with opened(config) as again:
        assert (await again.get(f"/ipfs/{HELLO}")).content == b"hello world"


async def test_a_file_of_several_blocks_is_read_back(http: httpx.AsyncClient) -> None:
    content = bytes(range(256)) * 3000
    cid = (await add(http, content)).json()["Hash"]
    assert (await http.get(f"/ipfs/{cid}")).content == content


@pytest.mark.parametrize("option", ["cid-version=1", "raw-leaves=true", "chunker=size-1024", "only-hash=true"])
async def test_an_option_that_would_give_another_name_is_refused(http: httpx.AsyncClient, option: str) -> None:
    answer = await add(http, b"hello world", f"?{option}")
    assert answer.status_code == 400
    assert option.partition("=")[0] in answer.json()["error"]


@pytest.mark.parametrize("kind", ["application/x-directory", "application/symlink"])
async def test_a_folder_is_not_taken_for_an_empty_file(http: httpx.AsyncClient, kind: str) -> None:
    answer = await http.post("/api/v0/add", files={"file": ("a folder", b"", kind)})
    assert (answer.status_code, "not folders" in answer.json()["error"]) == (400, True)


async def test_what_is_not_one_file_is_refused_and_leaves_nothing(
    http: httpx.AsyncClient, config: StorageNodeConfig
) -> None:
    two = await http.post("/api/v0/add", files=[("file", ("a", b"1")), ("file", ("b", b"2"))])
    bare = await http.post("/api/v0/add", content=b"hello world")
    cut = await http.post(
        "/api/v0/add", content=b"--x\r\n\r\nhel", headers={"content-type": "multipart/form-data; boundary=x"}
    )
    large = await add(http, b"x" * (FILE_LIMIT + 1))
    assert [answer.status_code for answer in (two, bare, cut, large)] == [400, 400, 400, 413]
    assert not list((config.folder / "incoming").iterdir())


async def test_a_name_never_leads_out_of_the_folder(http: httpx.AsyncClient) -> None:
    assert (await http.get("/ipfs/Qm..%2F..%2Ffiles")).status_code in {400, 404}
    assert (await http.get("/ipfs/Qm" + "." * 44)).status_code == 400


async def test_no_browser_takes_what_a_stranger_added_for_a_page(http: httpx.AsyncClient) -> None:
    page = b"<script>parent.postMessage(document.cookie, '*')</script>"
    name = (await http.post("/api/v0/add", files={"file": ("x.html", page, "text/html")})).json()["Hash"]
    headers = (await http.get(f"/ipfs/{name}")).headers
    assert (headers["content-type"], headers["x-content-type-options"]) == ("application/octet-stream", "nosniff")
    assert headers["content-security-policy"].startswith("sandbox;")


class Stalling:
    """The beginning of an upload whose end never comes."""

    def __init__(self) -> None:
        self.began, self.goes_on = asyncio.Event(), asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nbegun'
        self.began.set()
        await self.goes_on.wait()


async def stall(http: httpx.AsyncClient, upload: Stalling) -> httpx.Response:
    kind = {"content-type": "multipart/form-data; boundary=b"}
    return await http.post("/api/v0/add", content=aiter(upload), headers=kind)


async def test_a_file_whose_end_does_not_come_is_refused_and_leaves_nothing(config: StorageNodeConfig) -> None:
    async with opened(replace(config, upload_seconds=0.05)) as http:
        refused = await stall(http, Stalling())
    assert (refused.status_code, "add the file again" in refused.json()["error"]) == (400, True)
    assert [path for path in config.folder.rglob("*") if path.is_file() and "holds.sqlite" not in path.name] == []


async def test_only_so_many_files_are_added_at_once(config: StorageNodeConfig) -> None:
    async with opened(replace(config, address_uploads=1)) as http:
        upload = Stalling()
        first = asyncio.create_task(stall(http, upload))
        await upload.began.wait()
        assert (await add(http, b"hello world")).status_code == 429
        upload.goes_on.set()
        await first
        assert (await add(http, b"hello world")).status_code == 200
