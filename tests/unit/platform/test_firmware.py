"""Measurements of guests follow from the tables of their firmware."""

from pathlib import Path

import pytest

from sealgrid.errors import InputRefused
from sealgrid.platform.firmware import SnpBoot, launch_digest, mrtd, tdvf_sections
from tests.unit.platform.firmware_files import ovmf, tdvf

GOLDEN = Path(__file__).parent / "golden"


def written(tmp_path, raw, name="firmware.fd"):
    path = tmp_path / name
    path.write_bytes(raw)
    return path


def test_mrtd_is_the_recorded_one_for_a_recorded_firmware(tmp_path):
    found = mrtd(written(tmp_path, tdvf()))
    assert found.hex() == (GOLDEN / "mrtd.txt").read_text().strip()


def test_mrtd_covers_measured_bytes_and_every_address_and_no_unmeasured_byte(tmp_path):
    usual = mrtd(written(tmp_path, tdvf()))
    raw = bytearray(tdvf())
    raw[0x1800] ^= 1
    assert mrtd(written(tmp_path, bytes(raw))) != usual
    raw[0x1800] ^= 1
    raw[0x0800] ^= 1  # of a section that is laid in and not measured
    assert mrtd(written(tmp_path, bytes(raw))) == usual
    sections = [(0x1000, 0x1000, 0xFFFF1000, 0x1000, 1), (0, 0x1000, 0xFFFF0000, 0x1000, 0)]
    other = [sections[0], (0, 0x1000, 0xFFFE0000, 0x1000, 0)]
    assert mrtd(written(tmp_path, tdvf(sections))) != mrtd(written(tmp_path, tdvf(other)))
    later = [sections[0], (0, 0x1000, 0xFFFF0000, 0x1000, 2)]
    assert mrtd(written(tmp_path, tdvf(later))) == mrtd(written(tmp_path, tdvf(sections[:1])))


def test_sections_are_read_as_the_metadata_say(tmp_path):
    code, variables, memory = tdvf_sections(written(tmp_path, tdvf()))
    assert (code.address, code.size, len(code.content), code.attributes) == (0xFFFF1000, 0x1000, 0x1000, 1)
    assert (variables.attributes, memory.content, memory.size) == (0, b"", 0x2000)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        bytes(64 << 10),
        ovmf(),
        tdvf(magic=b"XXXX"),
        tdvf(version=2),
        tdvf([(1 << 31, 0x1000, 0, 0x1000, 1)]),
        tdvf([(0, 0x2000, 0, 0x1000, 1)]),
        tdvf([(0, 0, 0, 1 << 40, 1)]),
        tdvf([(0, 0, 0, 100, 1)]),
    ],
)
def test_what_is_no_firmware_for_tdx_has_no_mrtd(tmp_path, raw):
    with pytest.raises(InputRefused, match="not a valid firmware for TDX"):
        mrtd(written(tmp_path, raw))


def boot(tmp_path, **changes):
    usual = {
        "firmware": written(tmp_path, ovmf()),
        "kernel": written(tmp_path, b"kernel", "kernel"),
        "initrd": written(tmp_path, b"initrd", "initrd"),
        "cmdline": "quiet",
        "cpus": 2,
    }
    return SnpBoot(**usual | changes)


def test_an_snp_launch_digest_is_the_recorded_one_and_follows_from_every_part(tmp_path):
    usual = launch_digest(boot(tmp_path))
    assert usual.hex() == (GOLDEN / "launch_digest.txt").read_text().strip()
    changed = [
        boot(tmp_path, kernel=written(tmp_path, b"other", "k2")),
        boot(tmp_path, initrd=written(tmp_path, b"o", "i2")),
        boot(tmp_path, cmdline="loud"),
        boot(tmp_path, cpus=3),
        boot(tmp_path, cpu="EPYC-Genoa"),
        boot(tmp_path, firmware=written(tmp_path, ovmf()[:0x1800] + b"\xff" + ovmf()[0x1801:], "f2")),
    ]
    digests = {launch_digest(each) for each in changed}
    assert len(digests) == len(changed)
    assert usual not in digests


@pytest.mark.parametrize("raw", [b"", bytes(64 << 10), tdvf(), ovmf(hashes=False)])
def test_a_firmware_that_measures_no_kernel_has_no_launch_digest(tmp_path, raw):
    with pytest.raises(InputRefused, match="SEV-SNP"):
        launch_digest(boot(tmp_path, firmware=written(tmp_path, raw, "bad")))


def test_a_file_or_processor_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputRefused, match="nowhere"):
        launch_digest(boot(tmp_path, kernel=tmp_path / "nowhere"))
    with pytest.raises(InputRefused, match="i386"):
        launch_digest(boot(tmp_path, cpu="i386"))
    with pytest.raises(InputRefused, match="nowhere"):
        mrtd(tmp_path / "nowhere")
