"""A developer secret is the text of an environment variable; each new one has the next version."""

from types import SimpleNamespace

import pytest

from sealgrid.crypto.container import open_bytes
from sealgrid.errors import InputRefused
from sealgrid.sdk.operations import deploy as deploying
from sealgrid.sdk.operations.deploy import MAX_SECRET_BYTES, set_secret
from sealgrid.units import to_address, to_digest

APP = to_address(b"\xaa" * 20)
STORED = to_digest(b"\x01" * 32)


@pytest.mark.parametrize("secret", ["", "zero\0byte", "x" * (MAX_SECRET_BYTES + 1), "ü" * (MAX_SECRET_BYTES // 2 + 1)])
async def test_a_text_that_no_environment_variable_can_have_is_refused(secret):
    with pytest.raises(InputRefused, match="a secret is a text of 1 to 65536 bytes"):
        await set_secret(None, APP, secret)


class Vault:
    """A vault with a version of the secret, or without."""

    def __init__(self, version) -> None:
        self._version = version

    async def find_asset(self, app, owner):
        return None if self._version is None else SimpleNamespace(record=SimpleNamespace(version=self._version))


@pytest.mark.parametrize(("versions", "new"), [((None, None, None), 1), ((1, None, 3), 4)])
async def test_a_sealed_secret_follows_the_newest_version_of_any_vault(monkeypatch, versions, new):
    stored, deposits = [], []

    async def put_bytes(content):
        stored.append(content)
        return STORED

    async def deposit(conn, dek, **fields):
        deposits.append((dek, fields))

    monkeypatch.setattr(deploying, "deposit", deposit)
    storage = SimpleNamespace(put_bytes=put_bytes)
    conn = SimpleNamespace(address=APP, storage=storage, vaults=[Vault(each) for each in versions])
    await set_secret(conn, APP, "tökén")
    ((dek, fields),) = deposits
    assert fields == {"asset": APP, "file_sha256": STORED, "version": new}
    assert open_bytes(stored[0], dek).decode() == "tökén"
