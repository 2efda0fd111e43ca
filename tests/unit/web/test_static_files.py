"""Static files: everything that a script imports is served, and the policy allows the import map."""

import base64
import json
import re
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from sealgrid.crypto.digests import sha256
from sealgrid.localnet.layout import cache_folder
from sealgrid.web import static_files
from sealgrid.web.api import CONTENT_SECURITY_POLICY

SCRIPTS = sorted((Path(static_files.__file__).with_name("static")).glob("*.js"))
IMPORTED = re.compile(r'(?:from|import\()\s*"([^"]+)"')


@pytest.fixture(scope="module")
def client() -> TestClient[Litestar]:
    return TestClient(Litestar(route_handlers=static_files.handlers(cache_folder())), raise_server_exceptions=False)


def static_path(specifier: str) -> str:
    if specifier.startswith("./"):
        return "/static/" + specifier.removeprefix("./")
    imports = json.loads(static_files.IMPORT_MAP)["imports"]
    (prefix,) = [name for name in imports if specifier == name or (name.endswith("/") and specifier.startswith(name))]
    return str(imports[prefix]) + specifier.removeprefix(prefix)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_and_its_imports_are_served(client: TestClient[Litestar], script: Path) -> None:
    paths = [f"/static/{script.name}", *map(static_path, IMPORTED.findall(script.read_text()))]
    for path in paths:
        response = client.get(path)
        assert response.status_code == 200, path
        assert response.headers["content-type"].startswith("text/javascript")


def test_libraries_of_every_page_are_served(client: TestClient[Litestar]) -> None:
    for name in ("htmx.js", "sse.js", "site.css", "seal.svg"):
        assert client.get(f"/static/{name}").status_code == 200


def test_only_static_files_are_served(client: TestClient[Litestar]) -> None:
    for path in ("/static/../api.py", "/static/%2e%2e/api.py", "/static/missing.js"):
        assert client.get(path).status_code != 200


def test_the_policy_allows_the_import_map_by_its_hash() -> None:
    digest = base64.b64encode(sha256(static_files.IMPORT_MAP.encode())).decode()
    assert f"'sha256-{digest}'" in CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
