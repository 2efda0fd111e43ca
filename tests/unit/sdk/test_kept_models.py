"""A published model's key and its signed offers lie in a private file, and tell whose they are."""

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
    """What a record takes from a connection."""

    address: Address = OWNER
    network: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(genesis=Digest("0x" + "11" * 32), hub=Address("0x" + "22" * 20))
    )

    def clock(self) -> float:
        return 1_700_000_000.5


def test_a_record_is_private_and_shows_its_key_in_no_repr(tmp_path):
    kept = ModelStore(tmp_path / "models")
    kept.keep(Connected(), SEALED)
    (entry,) = kept.all()
    assert (entry.model, entry.name, bytes.fromhex(entry.dek), entry.offers()) == (MODEL, "faces", DEK, ())
    assert stat.S_IMODE((kept.folder / f"{MODEL}.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700
    assert DEK.hex() not in repr(entry) + repr(SEALED)
    assert repr(DEK) not in repr(SEALED)


def test_the_signed_offer_joins_the_key(tmp_path):
    kept, order = ModelStore(tmp_path), DatasetOrder(dataset=MODEL, datasetprice=3, volume=9, sign=b"signed")
    kept.keep(Connected(), SEALED)
    kept.keep(Connected(), replace(SEALED, order=order))
    (entry,) = kept.all()
    assert entry.offers() == (order,)
    assert bytes.fromhex(entry.dek) == DEK


def test_an_account_finds_its_own_records_of_its_own_network_only(tmp_path):
    kept, here = ModelStore(tmp_path), Connected()
    kept.keep(here, SEALED)
    elsewhere = SimpleNamespace(genesis=Digest("0x" + "33" * 32), hub=here.network.hub)
    assert [entry.model for entry in kept.of(here)] == [MODEL]
    assert kept.of(Connected(address=OTHER)) == ()
    assert kept.of(Connected(network=elsewhere)) == ()


def test_what_cannot_be_kept_is_not_for_sale_and_what_cannot_be_read_is_no_silence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputRefused, match="nothing is for sale"):
        ModelStore(tmp_path / "file").keep(Connected(), SEALED)
    (tmp_path / f"{MODEL}.json").write_text("{}")
    with pytest.raises(InputRefused, match="restore it from your backup"):
        ModelStore(tmp_path).all()
