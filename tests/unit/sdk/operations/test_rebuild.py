"""Verifying an app reports what was compared, and refuses an environment that differs from its wheels."""

import sys
from types import SimpleNamespace

import pytest

from sealgrid.bundle.build import build
from sealgrid.bundle.manifest import EnvironmentEntry
from sealgrid.crypto.digests import sha256
from sealgrid.errors import BundleRefused, SetupMissing
from sealgrid.sdk.operations import rebuild as rebuilding
from sealgrid.sdk.operations.rebuild import rebuild
from sealgrid.units import to_digest
from sealgrid.wire.storage import location

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PINNED = EnvironmentEntry(sha256=to_digest(b"\x01" * 32), size=1, python=sys.version.split()[0])


@pytest.fixture
def app(tmp_path):
    (tmp_path / "main.py").write_text("")
    (tmp_path / "app.toml").write_text('name = "a"\nversion = "1"\nentrypoint = ["main.py"]\n')
    return tmp_path


async def rebuilt(app):
    bundle = build(app, python=PYTHON)

    async def get_bytes(digest, limit):
        return bundle.archive

    conn = SimpleNamespace(storage=SimpleNamespace(get_bytes=get_bytes))
    return await rebuild(conn, location(to_digest(sha256(bundle.archive))), bundle.app_digest), bundle


async def test_an_app_without_an_environment_has_its_files_verified(app):
    result, bundle = await rebuilt(app)
    assert (result.digest, result.files) == (bundle.app_digest, len(bundle.manifest.files))
    assert "pins no environment" in result.environment


async def test_a_bundle_of_another_digest_is_refused(app):
    bundle = build(app, python=PYTHON)

    async def get_bytes(digest, limit):
        return bundle.archive

    conn = SimpleNamespace(storage=SimpleNamespace(get_bytes=get_bytes))
    with pytest.raises(BundleRefused):
        await rebuild(conn, location(to_digest(bytes(32))), to_digest(bytes(32)))


@pytest.mark.parametrize(
    ("compiler", "sentence"),
    [(None, "this machine has no Python"), ("0.0.1", "this one is 0.0.1 and cannot rebuild it")],
)
def test_a_machine_that_cannot_compile_reports_the_reason(monkeypatch, compiler, sentence):
    def compiler_for(python):
        if compiler is None:
            raise SetupMissing("no such Python.")
        return SimpleNamespace(version=compiler)

    monkeypatch.setattr(rebuilding, "compiler_for", compiler_for)
    manifest = SimpleNamespace(environment=PINNED, python=PYTHON, wheels=())
    assert sentence in rebuilding._environment(manifest)


def test_11_an_environment_that_differs_from_a_build_of_its_wheels_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(rebuilding, "wheel_folder", lambda: tmp_path)
    manifest = SimpleNamespace(environment=PINNED, python=PYTHON, wheels=())
    same = PINNED, tmp_path
    monkeypatch.setattr(rebuilding, "environment_of", lambda *_: same)
    assert "was rebuilt from 0 wheels" in rebuilding._environment(manifest)
    other = EnvironmentEntry(sha256=to_digest(b"\x02" * 32), size=1, python=PINNED.python), tmp_path
    monkeypatch.setattr(rebuilding, "environment_of", lambda *_: other)
    with pytest.raises(BundleRefused) as refused:
        rebuilding._environment(manifest)
    assert refused.value.check == "11"
