"""A site with an empty index."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sealgrid.web.site import Site
from tests.unit.web.site_scene import open_site


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as opened:
        yield opened
