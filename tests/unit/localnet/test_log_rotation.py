"""Logs of a local network stay bounded."""

from pathlib import Path

from sealgrid.localnet.log_rotation import rotate


def test_the_end_of_a_log_is_kept_and_its_writers_continue(tmp_path: Path):
    log = tmp_path / "anvil.log"
    with log.open("ab", buffering=0) as writer:
        for number in range(100):
            writer.write(b"%08d\n" % number * 100)
            rotate(tmp_path, limit=2000)
            assert log.stat().st_size <= 2000
        writer.write(b"the end\n")
    assert log.read_bytes().endswith(b"the end\n")
    aside = tmp_path / "anvil.log.1"
    assert (aside.stat().st_size, aside.stat().st_mode & 0o777) == (2000, 0o600)
    assert b"00000098" in aside.read_bytes() + log.read_bytes()
