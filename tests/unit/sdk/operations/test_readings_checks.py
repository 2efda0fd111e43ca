"""Before a purchase, readings are read with the app's own code; other apps get any file."""

import pytest

from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.file_checks import prepare_ados
from sealgrid.sdk.operations.readings_checks import check_readings
from tests.unit.shipped_apps.app_process import APPS, bundled


@pytest.fixture(scope="module")
def ados():
    return bundled("ados")[1].manifest


async def test_readings_pass_and_the_check_is_a_step_of_progress(ados):
    steps = []
    await check_readings(ados, [("day.csv", b"time,a\n1767268800,1\n")], lambda step: steps.append(step.what))
    assert steps == ["checking that the app can read the readings"]


async def test_what_the_app_would_refuse_is_refused_with_the_files_name(ados):
    with pytest.raises(InputRefused, match=r"ados cannot read 'day.csv': line 2: there are 3 cells"):
        await check_readings(ados, [("day.csv", b"time,a\n1767268800,1,2\n")], lambda step: None)


async def test_a_shard_is_read_as_one(ados):
    with pytest.raises(InputRefused, match=r"ados cannot read 's\.json': the shard is damaged"):
        await check_readings(ados, [("s.json", b'{"schema":"sealgrid/ados-shard/1"}')], lambda step: None)


async def test_an_app_with_other_code_gets_any_file():
    other = bundled("hash_file")[1].manifest
    await check_readings(other, [("day.csv", b"text")], lambda step: None)


def test_a_model_of_ados_is_sealed_as_it_is(tmp_path):
    path = APPS / "ados" / "stations.onnx"
    assert prepare_ados(path, tmp_path).path == path


def test_another_file_is_refused_before_anything_is_sealed(tmp_path):
    (tmp_path / "other.onnx").write_bytes(b"\x08\x08")
    with pytest.raises(InputRefused, match=r"other\.onnx cannot be sold to ados: the model is an ONNX file, but none"):
        prepare_ados(tmp_path / "other.onnx", tmp_path)
    with pytest.raises(InputRefused, match="cannot be read"):
        prepare_ados(tmp_path / "absent.onnx", tmp_path)
