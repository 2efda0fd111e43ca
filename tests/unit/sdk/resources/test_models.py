"""An own model by name, address or record, and what publishing refuses before anything is sealed."""

from types import SimpleNamespace

import pytest

from sealgrid.errors import InputRefused, NotFound, OrderRefused
from sealgrid.sdk.operations.publish import SealedFile
from sealgrid.sdk.resources import models
from sealgrid.sdk.resources.models import AsyncModels
from sealgrid.sdk.stores.model_store import ModelStore
from sealgrid.units import to_address, to_digest
from tests.unit.sdk.network_file import network

ME, FIRST, SECOND = (to_address(bytes([number]) * 20) for number in range(1, 4))
CHECKSUM = to_digest(bytes(32))


@pytest.fixture
def own(tmp_path):
    """The models of an account with two records of one name."""
    conn = SimpleNamespace(address=ME, network=network(), clock=lambda: 1.0)
    store = ModelStore(tmp_path / "models")
    for address in (FIRST, SECOND):
        store.store(conn, SealedFile(address, "faces", CHECKSUM, bytes(32)))
    return AsyncModels(conn, store)


@pytest.mark.parametrize(("content", "reason"), [(b"", "is empty"), (None, "cannot be read")])
async def test_a_file_that_is_empty_or_missing_is_refused_first(own, tmp_path, content, reason):
    if content is not None:
        (tmp_path / "model").write_bytes(content)
    with pytest.raises(InputRefused, match=reason):
        await own.publish(tmp_path / "model", price="3")


async def test_a_name_of_two_records_needs_an_address(own, tmp_path):
    with pytest.raises(InputRefused, match=f"2 models of yours are called 'faces'; give an address: .*{SECOND}"):
        await own.recover("faces", tmp_path / "plain")


async def test_without_the_key_a_model_is_not_recovered(own, tmp_path):
    with pytest.raises(NotFound, match="has no key of a model 'cars'; restore your backup"):
        await own.recover("cars", tmp_path / "plain")


async def test_a_record_finds_a_model_that_is_no_longer_offered(own, monkeypatch):
    async def find_model(conn, model, *, own=False):
        raise OrderRefused("nobody offers it.")

    async def open_model_offers(conn, address, record):
        found.append((address, record.model))

    async def unlist(conn, address, offers):
        return address

    found = []
    monkeypatch.setattr(models, "find_model", find_model)
    monkeypatch.setattr(models, "open_model_offers", open_model_offers)
    monkeypatch.setattr(models, "unlist", unlist)
    assert await own.unlist(FIRST) == FIRST
    assert found == [(FIRST, FIRST)]
    with pytest.raises(OrderRefused):
        await own.unlist("cars")
