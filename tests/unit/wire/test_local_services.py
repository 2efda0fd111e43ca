from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import get

from sealgrid.wire.serving import service


@get("/secret")
async def secret() -> str:
    return "for programs of this machine"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = service([secret])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:4000") as client:
        yield client


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:4000", "localhost", "localhost:4000"])
async def test_a_program_of_this_machine_is_answered(http: httpx.AsyncClient, host: str) -> None:
    assert (await http.get("/secret", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:4000", "127.0.0.1.evil.example", "localhost.evil.example:4000", ""]
)
async def test_a_page_whose_name_was_made_to_lead_here_is_refused(http: httpx.AsyncClient, host: str) -> None:
    answer = await http.get("/secret", headers={"host": host})
    assert answer.status_code == 403
    assert "not by another name" in answer.json()["error"]


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "https://127.0.0.1:4000"])
async def test_a_page_of_another_site_is_refused(http: httpx.AsyncClient, origin: str) -> None:
    answer = await http.get("/secret", headers={"origin": origin})
    assert answer.status_code == 403
    assert "pages of other sites" in answer.json()["error"]


async def test_a_page_of_the_service_itself_is_answered(http: httpx.AsyncClient) -> None:
    assert (await http.get("/secret", headers={"origin": "http://127.0.0.1:4000"})).status_code == 200
