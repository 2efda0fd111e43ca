"""Building an app needs the wheels that its lock or requirements name, with their digests, and all that they need."""

import io
import zipfile

import pytest

from sealgrid.bundle.interpreter import running_python
from sealgrid.bundle.lock import encode
from sealgrid.bundle.manifest import WheelEntry
from sealgrid.crypto.digests import sha256
from sealgrid.errors import BundleRefused, InputRefused
from sealgrid.sdk.operations import build as building
from sealgrid.sdk.operations.build import build_app, lock_requirements, shipped_bundle
from sealgrid.units import to_digest
from tests.unit.sdk.operations.wheel_files import write_wheel

WHEEL = "tiny-1-py3-none-any.whl"
SETTINGS = 'name = "a"\nversion = "1"\nentrypoint = ["main.py"]\n'


@pytest.fixture
def app(tmp_path):
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "main.py").write_text("")
    return folder


def require_wheel(folder, content=b"a wheel"):
    (folder / "app.toml").write_text(
        'name = "a"\nversion = "1"\nentrypoint = ["main.py"]\nwheels = ["tiny==1"]\nenvironment = false\n'
    )
    entry = WheelEntry(name="tiny", version="1", filename=WHEEL, sha256=to_digest(sha256(content)))
    (folder / "wheels.lock").write_text(encode((entry,)))


def test_an_app_without_wheels_needs_no_folder_of_them(app, monkeypatch):
    monkeypatch.setattr(building, "wheel_folder", lambda: None)
    (app / "app.toml").write_text('name = "a"\nversion = "1"\nentrypoint = ["main.py"]\n')
    built = build_app(app, "3.11")
    assert (built.bundle.manifest.name, built.dependencies) == ("a", ())


def wheel_of(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return content.getvalue()


def add_wheel(folder, content):
    require_wheel(folder, content)
    (folder / "wheels").mkdir()
    (folder / "wheels" / WHEEL).write_bytes(content)


def test_the_wheels_of_the_apps_folder_are_its_dependencies(app):
    write_wheel(app / "wheels", "tiny", "1")
    require_wheel(app, (app / "wheels" / WHEEL).read_bytes())
    assert build_app(app, "3.11").dependencies == (app / "wheels" / WHEEL,)


@pytest.mark.parametrize(
    ("content", "check"),
    [(b"no archive", "2"), (wheel_of("../tiny.py"), "4"), (wheel_of("distutils-precedence.pth"), "7")],
)
def test_a_wheel_that_no_enclave_would_unpack_is_refused_before_the_app_is_deployed(app, content, check):
    add_wheel(app, content)
    with pytest.raises(BundleRefused) as caught:
        build_app(app, "3.11")
    assert caught.value.check == check


@pytest.mark.parametrize("content", [None, b"another wheel"], ids=["missing", "changed"])
def test_a_wheel_that_is_missing_or_differs_from_the_lock_is_refused(app, content):
    require_wheel(app)
    (app / "wheels").mkdir()
    if content is not None:
        (app / "wheels" / WHEEL).write_bytes(content)
    with pytest.raises(InputRefused, match=f"has no {WHEEL} with the digest in wheels.lock"):
        build_app(app, "3.11")


def test_without_any_folder_of_wheels_the_error_says_where_they_come_from(app, monkeypatch):
    monkeypatch.setattr(building, "wheel_folder", lambda: None)
    require_wheel(app)
    with pytest.raises(InputRefused, match="`sealgrid setup` fetches those of the shipped apps"):
        build_app(app, "3.11")


def test_an_incomplete_set_is_refused(app):
    (app / "app.toml").write_text(SETTINGS + 'wheels = ["tiny==1"]\n')
    write_wheel(app / "wheels", "tiny", "1", needs=["large"])
    with pytest.raises(InputRefused, match=r"the app's wheels lack large \(needed by tiny 1\)"):
        build_app(app, "3.11")
    (app / "app.toml").write_text(SETTINGS + 'wheels = ["tiny==1"]\nomit = ["large"]\n')
    assert build_app(app, "3.11").dependencies == (app / "wheels" / WHEEL,)


@pytest.fixture
def index(tmp_path, monkeypatch):
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(tmp_path / "index"), "CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    write_wheel(tmp_path / "index", "tiny", "1", needs=["large"])
    write_wheel(tmp_path / "index", "large", "2")


@pytest.mark.parametrize("environment", ["true", "false"])
def test_the_wheels_of_requirements_are_fetched_and_built_in(app, index, environment):
    (app / "app.toml").write_text(SETTINGS + f"environment = {environment}\n")
    (app / "requirements.txt").write_text("tiny\n")
    built = build_app(app, running_python())
    assert [wheel.name for wheel in built.bundle.manifest.wheels] == ["large", "tiny"]
    assert len(built.dependencies) == (1 if environment == "true" else 2)


def test_a_lock_of_requirements_builds_the_same_app(app, index):
    (app / "app.toml").write_text(SETTINGS)
    (app / "requirements.txt").write_text("tiny\n")
    before = build_app(app, running_python()).bundle.app_digest
    assert lock_requirements(app, running_python()).read_text().count("--hash=sha256:") == 2
    assert build_app(app, running_python()).bundle.app_digest == before


def test_wheels_have_one_source(app, index):
    (app / "app.toml").write_text(SETTINGS + 'wheels = ["tiny==1"]\n')
    (app / "requirements.txt").write_text("tiny\n")
    with pytest.raises(InputRefused, match="keep one of the two"):
        build_app(app, running_python())


def test_without_requirements_there_is_nothing_to_lock(app):
    (app / "app.toml").write_text(SETTINGS)
    with pytest.raises(InputRefused, match=r"has no requirements\.txt"):
        lock_requirements(app, running_python())


@pytest.mark.parametrize("name", ["ados", "onnx-runner", "plate-reader", "csv-statistics", "hash-file"])
def test_the_shipped_apps_have_complete_wheels(name):
    assert shipped_bundle(name, running_python()).manifest.name == name


def test_another_name_is_no_shipped_app():
    with pytest.raises(InputRefused, match="'nothing' is not a shipped app"):
        shipped_bundle("nothing", "3.11")
