"""The machine's sandbox is checked before a network starts."""

import pytest

from sealgrid.errors import SetupMissing
from sealgrid.testing import local_network, local_network_async


def test_without_bubblewrap_a_network_does_not_start(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupMissing, match="apt-get install bubblewrap"), local_network():
        pass


async def test_a_bubblewrap_without_user_namespaces_is_reported_with_its_own_words(monkeypatch, tmp_path):
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupMissing, match=r"uid map: Permission denied.*sealgrid doctor"):
        async with local_network_async():
            pass
