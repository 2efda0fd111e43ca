"""A text operator's locale is made from C.UTF-8, in a folder that the C library reads."""

import pytest

from sealgrid.shipped_apps.onnx_runner.runner.locales import missing_locale, provide_locale


@pytest.mark.parametrize(
    ("reason", "locale"),
    [
        ("Failed to construct locale with name:en_US.UTF-8:Locale not found", "en_US.UTF-8"),
        ("failed to construct locale with name: de_DE.UTF-8", "de_DE.UTF-8"),
        ("Failed to construct locale with name:../../etc", ".."),
        ("the model needs another operator set", None),
    ],
)
def test_the_missing_locale_is_named_by_the_reason(reason, locale):
    assert missing_locale(reason) == locale


def test_a_locale_is_a_link_to_an_installed_one(monkeypatch, tmp_path):
    monkeypatch.setenv("LOCPATH", str(tmp_path))
    provided = provide_locale("de_DE.UTF-8")
    assert provided == (tmp_path / "de_DE.UTF-8" / "LC_CTYPE").exists()
