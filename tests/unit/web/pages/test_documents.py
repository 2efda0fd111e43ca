"""The pages of the documentation."""

import pytest

from sealgrid.web.site import Site
from tests.unit.web.site_scene import browser


@pytest.mark.parametrize("path", ["/docs", "/docs/howto/your-own-model", "/docs/howto/your-own-model.md"])
async def test_a_document_is_a_page(site: Site, path: str) -> None:
    reply = await browser(site).get(path)
    assert (reply.status_code, "<h1" in reply.text) == (200, True)


@pytest.mark.parametrize("path", ["/docs/nothing", "/docs/../pyproject", "/docs/howto/..%2f..%2fSECURITY"])
async def test_another_path_is_not_found(site: Site, path: str) -> None:
    assert (await browser(site).get(path)).status_code == 404
