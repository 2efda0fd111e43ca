"""Small documents in files: limited, durable, and cleaned of unfinished writes."""

from pathlib import Path

import pytest

from sealgrid.errors import ServiceUnavailable
from sealgrid.iexec_sms.document_store import DocumentStore


def store_in(folder: Path, limit: int = 1) -> DocumentStore[dict[str, int]]:
    return DocumentStore(folder, dict[str, int], limit=limit)


def test_a_document_survives_a_restart_and_is_deleted(tmp_path: Path) -> None:
    store_in(tmp_path).put("a", {"n": 1})
    again = store_in(tmp_path)
    assert (again.get("a"), again.get("b")) == ({"n": 1}, None)
    again.delete("a")
    again.delete("a")
    assert (again.get("a"), list(tmp_path.iterdir())) == (None, [])


def test_a_full_store_replaces_documents_but_takes_no_new_one(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.put("a", {"n": 1})
    store.put("a", {"n": 2})
    with pytest.raises(ServiceUnavailable, match="full"):
        store.put("b", {"n": 3})
    assert (store.get("a"), store.get("b")) == ({"n": 2}, None)


def test_an_unfinished_write_is_removed_at_start(tmp_path: Path) -> None:
    (tmp_path / ".a.json.part").write_text("{")
    assert store_in(tmp_path).get("a") is None
    assert list(tmp_path.iterdir()) == []
