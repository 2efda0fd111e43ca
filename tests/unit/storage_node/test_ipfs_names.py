"""A CIDv0 leads to the file that was added under it, also after a restart."""

from pathlib import Path

import pytest

from sealgrid.crypto.digests import cid_of
from sealgrid.errors import InputRefused, NotFound
from sealgrid.storage_node.ipfs_names import IpfsNames
from sealgrid.units import to_digest

FILE = to_digest(b"\x0f" * 32)
CID = "Qm" + "a" * 44


def test_a_name_outlives_a_restart_and_goes_with_its_file(tmp_path: Path) -> None:
    names = IpfsNames(tmp_path)
    names.add(CID, FILE)
    names.add(CID, FILE)
    again = IpfsNames(tmp_path)
    assert (again.digest(CID), again.cids_of(FILE)) == (FILE, (CID,))
    again.remove(FILE)
    assert again.cids_of(FILE) == ()
    with pytest.raises(NotFound):
        again.digest(CID)


def test_a_raw_cid_names_its_digest_without_a_file(tmp_path: Path) -> None:
    assert IpfsNames(tmp_path).digest(cid_of(FILE)) == FILE


@pytest.mark.parametrize(
    "cid", ["Qm", "Qm" + "a" * 43, "Qm" + "a" * 45, "Qm" + "/" * 44, "Qm../" + "a" * 41, "Qm" + "é" * 44]
)
def test_another_name_never_becomes_a_path(tmp_path: Path, cid: str) -> None:
    names = IpfsNames(tmp_path)
    with pytest.raises(InputRefused):
        names.digest(cid)
    with pytest.raises(InputRefused):
        names.add(cid, FILE)
    assert list(tmp_path.iterdir()) == []
