"""Which apps are built from this release, and which only look like a shipped one."""

import pytest

from sealgrid.sdk.operations import release_marks
from sealgrid.sdk.operations.build import shipped_bundle
from sealgrid.sdk.operations.release_marks import ReleasedApps, ReleaseMark, released_apps
from sealgrid.sdk.shipped_apps import RELEASED, app_folder
from sealgrid.units import to_digest

BUILT, OTHER = to_digest(b"\x01" * 32), to_digest(b"\x02" * 32)
RELEASE = ReleasedApps(
    {"onnx-runner": frozenset({BUILT}), "plate-reader": frozenset()},
    {"onnx-runner": "Run an ONNX model", "plate-reader": "Read licence plates"},
)


@pytest.mark.parametrize("name", ["onnx-runner", "onnx-runner@4", "my copy", ""])
def test_the_code_of_a_shipped_app_is_marked_under_any_name(name):
    assert RELEASE.mark(BUILT, name) is ReleaseMark.BUILT


@pytest.mark.parametrize(
    "name",
    [
        "onnx-runner",
        "onnx-runner@2",
        "ONNX_Runner",
        "onnx runner",
        "onnx‐runner",  # noqa: RUF001  another hyphen
        "оnnx-runner",  # noqa: RUF001  a Cyrillic letter
        "0nnx-runner",
        "ｏｎｎｘ-runner",  # noqa: RUF001  full width
        "onnx-\u200brunner",
        "önnx-runner",
        "Run an ONNX model",
        "<b>onnx-runner</b>@1"[3:14],
    ],
)
def test_other_code_under_a_name_that_looks_the_same_says_so(name):
    assert RELEASE.mark(OTHER, "mine", name) is ReleaseMark.LOOK_ALIKE


def test_an_app_that_this_machine_cannot_build_is_not_called_a_look_alike():
    assert RELEASE.mark(OTHER, "plate-reader") is ReleaseMark.NOT_COMPARED


@pytest.mark.parametrize("name", ["onnx", "runner", "plates", "copy-out", ""])
def test_another_app_has_no_mark(name):
    assert RELEASE.mark(OTHER, name) is None


def test_the_release_has_every_shipped_app_but_the_hostile_one(monkeypatch):
    python = "3.11"
    monkeypatch.setattr(
        release_marks, "shipped_app_digests", lambda name, python: {BUILT} if name == "hash-file" else {}
    )
    found = released_apps.__wrapped__(python)
    assert set(found.digests) == set(RELEASED)
    assert "copy-out" not in RELEASED
    assert found.mark(BUILT, "x") is ReleaseMark.BUILT
    assert found.mark(OTHER, "Read licence plates") is ReleaseMark.NOT_COMPARED
    assert all((app_folder(name) / "CHANGELOG.md").is_file() for name in RELEASED)


def test_a_shipped_app_carries_its_changelog():
    assert "CHANGELOG.md" in {entry.path for entry in shipped_bundle("csv-statistics", "3.11").manifest.files}
