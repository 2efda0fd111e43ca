"""API keys: only their hashes are stored; a wrong, revoked or malformed key is refused."""

import pytest

from sealgrid.ados.api.application import HourlyLimit
from sealgrid.ados.api.keys import ApiKeyFolder
from sealgrid.errors import ApiKeyRefused, InputRefused, NotFound, TooManyRequests


@pytest.fixture
def keys(tmp_path):
    return ApiKeyFolder(tmp_path / "keys")


def test_a_key_opens_its_own_entry_and_its_file_has_only_the_hash(keys, tmp_path):
    token = keys.create("acme", requests_per_hour=5, spending=10)
    found = keys.authenticate(f"Bearer {token}")
    assert (found.name, found.requests_per_hour, found.spending) == ("acme", 5, 10)
    [path] = (tmp_path / "keys").iterdir()
    secret = token.rpartition("_")[2]
    assert secret.encode() not in path.read_bytes()
    assert found.digest not in repr(found)
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer x",
        "Basic {token}",
        "Bearer ados_other_{secret}",
        "Bearer {token}x",
        "Bearer ados_../x_y",
    ],
    ids=range(8),
)
def test_anything_else_is_refused_without_saying_which_names_exist(keys, header):
    token = keys.create("acme", requests_per_hour=5, spending=10)
    given = header and header.format(token=token, secret=token.split("_", 2)[2])
    with pytest.raises(ApiKeyRefused) as refused:
        keys.authenticate(given)
    assert "acme" not in str(refused.value)


def test_a_key_whose_file_is_damaged_is_refused_without_the_path(keys, tmp_path):
    token = keys.create("acme", requests_per_hour=5, spending=10)
    (tmp_path / "keys" / "acme.json").write_text("{")
    with pytest.raises(ApiKeyRefused) as refused:
        keys.authenticate(f"Bearer {token}")
    assert str(tmp_path) not in str(refused.value)


def test_a_revoked_key_is_refused_at_once_and_limits_can_change(keys):
    token = keys.create("acme", requests_per_hour=5, spending=10)
    assert keys.limit("acme", spending=20).spending == 20
    assert keys.authenticate(f"bearer {token}").requests_per_hour == 5
    keys.revoke("acme")
    with pytest.raises(ApiKeyRefused):
        keys.authenticate(f"Bearer {token}")
    with pytest.raises(NotFound):
        keys.revoke("acme")


@pytest.mark.parametrize("name", ["", "A", "a_b", "../a", "a" * 41])
def test_a_name_is_plain_and_used_once(keys, name):
    keys.create("acme", requests_per_hour=5, spending=10)
    for each in (name, "acme"):
        with pytest.raises(InputRefused):
            keys.create(each, requests_per_hour=5, spending=10)


def test_the_requests_of_an_hour_are_counted_for_each_key(keys):
    now = [0.0]
    limit = HourlyLimit(lambda: now[0])
    tokens = [keys.create(name, requests_per_hour=2, spending=0) for name in ("one", "two")]
    one, two = (keys.authenticate(f"Bearer {token}") for token in tokens)
    for key in (one, one, two):
        limit.acquire(key)
    with pytest.raises(TooManyRequests, match="2 requests an hour") as refused:
        limit.acquire(one)
    assert refused.value.seconds == 1800
    now[0] = 1800.0
    limit.acquire(one)
