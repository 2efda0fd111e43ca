"""What is deployed: a folder with an app, or a shipped app by its name."""

from types import SimpleNamespace

import pytest

from sealgrid.errors import InputRefused
from sealgrid.sdk.operations import deploy as deploying
from sealgrid.sdk.resources import apps
from sealgrid.sdk.resources.apps import AsyncApps
from sealgrid.sdk.shipped_apps import app_folder
from sealgrid.units import to_address

APP = to_address(b"\xaa" * 20)


@pytest.fixture
def deployed(monkeypatch):
    """The folders that are deployed."""
    folders = []

    async def deploy(conn, folder, **_):
        folders.append(folder)
        return SimpleNamespace(address=APP)

    async def listing_of(conn, kind, address):
        return (kind, address)

    monkeypatch.setattr(deploying, "deploy", deploy)
    monkeypatch.setattr(apps, "listing_of", listing_of)
    return folders


async def test_a_name_is_a_shipped_app_and_a_path_a_folder(deployed, tmp_path):
    for app in ("onnx-runner", tmp_path, str(tmp_path)):
        assert await AsyncApps(None).deploy(app) == ("App", APP)
    assert deployed == [app_folder("onnx-runner"), tmp_path, tmp_path]


@pytest.mark.parametrize("app", ["nothing", "./onnx-runner", "../sdk"])
async def test_another_name_or_a_missing_folder_is_refused(deployed, app):
    with pytest.raises(InputRefused, match=r"is neither a folder with an app\.toml nor a shipped app"):
        await AsyncApps(None).deploy(app)
    assert deployed == []


async def test_a_price_must_be_text(deployed, tmp_path):
    with pytest.raises(InputRefused, match="write it as text"):
        await AsyncApps(None).deploy(tmp_path, price=3)
    assert deployed == []
