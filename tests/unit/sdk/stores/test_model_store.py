"""A published model's key and signed offers are in a private file that names their account and network."""

import stat
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest

from sealgrid.errors import InputRefused
from sealgrid.poco.orders import DatasetOrder
from sealgrid.sdk.operations.publish import SealedFile
from sealgrid.sdk.stores.model_store import ModelStore
from sealgrid.units import Address, Digest

MODEL, OWNER, OTHER = (Address("0x" + digit * 40) for digit in "abc")
DEK = bytes(range(32))
SEALED = SealedFile(MODEL, "faces", Digest("0x" + "dd" * 32), DEK)


@dataclass(frozen=True)
class Connected:
    """The part of a connection that a record needs."""

    address: Address = OWNER
    network: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(genesis=Digest("0x" + "11" * 32), hub=Address("0x" + "22" * 20))
    )

    def clock(self) -> float:
        return 1_700_000_000.5


def test_a_record_is_private_and_shows_its_key_in_no_repr(tmp_path):
    models = ModelStore(tmp_path / "models")
    models.store(Connected(), SEALED)
    (record,) = models.all()
    assert (record.model, record.name, bytes.fromhex(record.dek), record.offers()) == (MODEL, "faces", DEK, ())
    assert stat.S_IMODE((models.folder / f"{MODEL}.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(models.folder.stat().st_mode) == 0o700
    assert DEK.hex() not in repr(record) + repr(SEALED)
    assert repr(DEK) not in repr(SEALED)


def test_a_signed_offer_is_added_to_the_record(tmp_path):
    models, order = ModelStore(tmp_path), DatasetOrder(dataset=MODEL, datasetprice=3, volume=9, sign=b"signed")
    models.store(Connected(), SEALED)
    models.store(Connected(), replace(SEALED, order=order))
    (record,) = models.all()
    assert record.offers() == (order,)
    assert bytes.fromhex(record.dek) == DEK


def test_an_account_finds_its_own_records_of_its_own_network_only(tmp_path):
    models, here = ModelStore(tmp_path), Connected()
    models.store(here, SEALED)
    elsewhere = SimpleNamespace(genesis=Digest("0x" + "33" * 32), hub=here.network.hub)
    assert [record.model for record in models.own(here)] == [MODEL]
    assert models.own(Connected(address=OTHER)) == ()
    assert models.own(Connected(network=elsewhere)) == ()


def test_a_model_whose_key_cannot_be_stored_is_not_for_sale_and_a_damaged_record_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputRefused, match="nothing is for sale"):
        ModelStore(tmp_path / "file").store(Connected(), SEALED)
    (tmp_path / f"{MODEL}.json").write_text("{}")
    with pytest.raises(InputRefused, match="restore it from your backup"):
        ModelStore(tmp_path).all()
