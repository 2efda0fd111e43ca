"""The measurement of an image covers every file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.errors import HostFailed
from sealgrid.platform.image import MeasuredFile, measure, mrtd
from sealgrid.platform.image_store import measure_image

NAMES = st.text("abc./", min_size=1, max_size=8)
FILES = st.lists(
    st.builds(
        MeasuredFile,
        path=NAMES,
        size=st.integers(0, 9),
        sha256=st.sampled_from(["00" * 32, "11" * 32]),
        executable=st.booleans(),
    ),
    unique_by=lambda file: file.path,
    max_size=5,
)


@given(FILES, FILES)
def test_two_lists_of_files_measure_alike_only_when_they_are_alike(one, other):
    assert (mrtd(one) == mrtd(other)) == (sorted(one) == sorted(other))


@given(FILES, st.randoms())
def test_the_order_in_which_files_are_found_does_not_matter(files, random):
    shuffled = random.sample(files, len(files))
    assert mrtd(shuffled) == mrtd(files)
    assert len(mrtd(files)) == 48


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a").write_bytes(b"two"),
        lambda folder: (folder / "a").rename(folder / "d"),
        lambda folder: (folder / "b/c").unlink(),
        lambda folder: (folder / "b/new").write_bytes(b""),
        lambda folder: (folder / "a").chmod(0o755),
    ],
    ids=["byte", "name", "removed", "added", "executable"],
)
def test_every_change_of_an_image_changes_its_measurement(image, change):
    before = measure_image(image).mrtd
    change(image.files)
    assert measure_image(image).mrtd != before


def test_an_image_with_a_link_is_not_measured(image):
    (image.files / "link").symlink_to("a")
    with pytest.raises(HostFailed, match="not a regular file"):
        measure(image.files)
