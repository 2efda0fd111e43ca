"""The lock tool: the downloaded wheel of each requirement, for one Python."""

import msgspec
import pytest

from sealgrid.bundle.build import build
from sealgrid.bundle.lock import lock, main
from sealgrid.crypto.digests import sha256
from sealgrid.errors import InputRefused
from sealgrid.units import to_digest
from tests.unit.bundle.bundle_scene import PYTHON, WHEEL


def test_the_lock_tool_writes_what_was_downloaded(folder, tmp_path_factory):
    wheels = tmp_path_factory.mktemp("wheels")
    (wheels / WHEEL.filename).write_bytes(b"wheel")
    (folder / "wheels.lock").unlink()
    main([str(folder), str(wheels), "--python", PYTHON])
    assert build(folder, python=PYTHON).manifest.wheels == (
        msgspec.structs.replace(WHEEL, sha256=to_digest(sha256(b"wheel"))),
    )
    with pytest.raises(InputRefused, match=r"pillow==1"):
        lock(["pillow==1"], wheels)
