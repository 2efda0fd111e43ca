"""Before a purchase, a picture is opened with the app's own code; other apps get any file."""

import io

import pytest
from PIL import Image

from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.picture_checks import check_pictures
from tests.unit.shipped_apps.app_process import bundled


@pytest.fixture(scope="module")
def plate_reader():
    return bundled("plate_reader")[1].manifest


def jpeg(size=(64, 48)) -> bytes:
    target = io.BytesIO()
    Image.effect_noise(size, 90).save(target, "JPEG")
    return target.getvalue()


async def test_a_picture_passes_and_the_check_is_a_step_of_progress(plate_reader):
    steps = []
    await check_pictures(plate_reader, [("car.jpg", jpeg())], lambda step: steps.append(step.what))
    assert steps == ["checking that the app can read the picture"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"text", "not a picture"), (jpeg()[:-60], "cut short"), (jpeg((20, 20)), "20 by 20 pixels")],
)
async def test_what_the_app_would_refuse_is_refused_with_the_files_name(plate_reader, content, reason):
    with pytest.raises(InputRefused, match=rf"plate-reader cannot read 'car.jpg': .*{reason}"):
        await check_pictures(plate_reader, [("car.jpg", content)], lambda step: None)


async def test_an_app_with_other_code_gets_any_file(plate_reader):
    other = bundled("hash_file")[1].manifest
    await check_pictures(other, [("car.jpg", b"text")], lambda step: None)
