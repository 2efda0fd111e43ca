"""The settings file of a platform."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sealgrid.attestation.policy import Platform
from sealgrid.errors import InputRefused
from sealgrid.platform.platform_file import PlatformFile, create_platform_file
from sealgrid.units import Digest
from sealgrid.wire.settings_file import read_settings

RUNTIME = Digest("0x" + "12" * 32)


def certificate() -> bytes:
    """Return a certificate signed by its own key, in DER form."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    times = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    builder = builder.serial_number(1).not_valid_before(times[0]).not_valid_after(times[1])
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


INTEL, AMD = certificate(), certificate()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings" / "machine.toml"
    create_platform_file(path, tmp_path / "launch.sh", RUNTIME, Platform.TDX, INTEL)
    return path


def read(path: Path) -> PlatformFile:
    return read_settings(path, PlatformFile, "a platform")


def test_a_new_file_names_the_hardware_and_the_root_that_lies_beside_it(file, tmp_path):
    settings = read(file)
    assert (settings.platform, settings.runtime, settings.launch) == ("tdx", RUNTIME, tmp_path / "launch.sh")
    root = settings.root(file.parent)
    assert (root.platform, root.root_ca_der) == (Platform.TDX, INTEL)


def test_a_new_file_shows_the_defaults_that_an_operator_may_edit(file):
    written = tomllib.loads(file.read_text())
    assert {"host", "port", "intel", "amd", "cache", "admin"} <= set(written)
    assert "requests_per_minute" not in written


def test_files_of_two_platforms_in_one_folder_share_nothing(file, tmp_path):
    other = file.with_name("other.toml")
    create_platform_file(other, tmp_path / "launch.sh", RUNTIME, Platform.SNP, AMD)
    assert read(file).root(file.parent).root_ca_der == INTEL
    assert read(file).cache != read(other).cache


def test_an_existing_file_is_not_replaced(file, tmp_path):
    before = file.read_bytes()
    with pytest.raises(InputRefused, match="exists"):
        create_platform_file(file, tmp_path / "launch.sh", RUNTIME, Platform.SNP, AMD)
    assert file.read_bytes() == before
    assert read(file).root(file.parent).root_ca_der == INTEL


@pytest.mark.parametrize(
    ("written", "instead", "message"),
    [
        ('platform = "tdx"', 'platform = "arm"', "'arm' is not a platform; use sgx, tdx, snp or simulated"),
        ("machine-root.der", "gone.der", "gone.der cannot be read"),
        (RUNTIME, "0x12", "'0x12' is not a valid runtime identity"),
    ],
)
def test_an_unusable_value_is_refused_by_its_name(file, written, instead, message):
    text = file.read_text()
    assert written in text
    file.write_text(text.replace(written, instead))
    with pytest.raises(InputRefused, match=message):
        read(file).config(file.parent)
