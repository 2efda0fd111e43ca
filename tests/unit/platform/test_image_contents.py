"""What a plan of an image names."""

import pytest

from sealgrid.errors import HostFailed
from sealgrid.platform.image import MeasuredFile
from sealgrid.platform.image_contents import interpreter_version, plan_image

BOOT = MeasuredFile("boot.py", 1, "22" * 32, False)


def program(version):
    return MeasuredFile(f"python/bin/python{version}", 3, "11" * 32, True)


def test_the_measured_files_name_the_interpreter():
    assert interpreter_version([BOOT, program("3.13")]) == "3.13"


def test_an_image_has_the_time_zones_and_the_locale_of_apps_and_no_compiled_code():
    planned = plan_image()
    assert {"packages/tzdata/zoneinfo/Europe/Paris", "packages/tzdata/__init__.py"} <= planned.keys()
    assert "lib/locale/C.utf8/LC_CTYPE" in planned
    assert not [name for name in planned if "__pycache__" in name]


@pytest.mark.parametrize("programs", [[], [program("3.12"), program("3.13")]], ids=["none", "two"])
def test_an_image_without_exactly_one_interpreter_is_refused(programs):
    with pytest.raises(HostFailed, match=f"{len(programs)} interpreters"):
        interpreter_version([BOOT, *programs])
