"""The archive of a sealed input: packing is reversible, input is validated, errors repeat no content."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.bundle.job_input import MAX_FILES, JobInput, folded, unpack
from sealgrid.errors import InputRefused

NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\\:", exclude_categories=("Cs", "Cc")), min_size=1, max_size=40
)
PLAIN = NAMES.filter(lambda name: name not in {".", ".."} and len(name.encode()) <= 255)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@given(
    args=st.lists(TEXTS, max_size=5),
    files=st.lists(st.tuples(PLAIN, st.binary(max_size=50)), max_size=5, unique_by=lambda file: folded(file[0])),
    secrets=st.dictionaries(st.sampled_from("123"), TEXTS),
)
def test_packing_is_reversible(args, files, secrets):
    packed = JobInput(args=tuple(args), files=tuple(files), secrets=secrets)
    assert unpack(packed.pack()) == packed


@given(st.binary(max_size=300))
def test_bytes_that_are_no_archive_are_refused_and_never_crash(content):
    with pytest.raises(InputRefused):
        unpack(content)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "a\0b", "x" * 256])
def test_a_name_that_is_no_plain_name_cannot_be_packed(name):
    with pytest.raises(InputRefused, match="plain file name"):
        JobInput(files=((name, b""),)).pack()


def test_two_files_of_one_name_or_too_many_cannot_be_packed():
    with pytest.raises(InputRefused):
        JobInput(files=(("a", b"1"), ("A", b"2"))).pack()
    with pytest.raises(InputRefused):
        JobInput(files=tuple((f"f{n}", b"") for n in range(MAX_FILES + 1))).pack()


def test_a_refusal_inside_the_enclave_never_repeats_a_name():
    packed = io.BytesIO(JobInput(files=(("plain", b"x"),)).pack())
    with zipfile.ZipFile(packed) as archive:
        settings = archive.read("input.json").replace(b'"plain"', b'"hiv/positive"')
    hostile = io.BytesIO()
    with zipfile.ZipFile(hostile, "w") as archive:
        archive.writestr("input.json", settings)
    with pytest.raises(InputRefused) as refused:
        unpack(hostile.getvalue())
    assert "positive" not in str(refused.value)


def test_a_repr_shows_neither_files_nor_secrets():
    shown = repr(JobInput(files=(("n", b"SECRET"),), secrets={"1": "SECRET"}))
    assert "SECRET" not in shown


def test_1_an_archive_of_many_unnamed_entries_is_refused():
    hostile = io.BytesIO()
    with zipfile.ZipFile(hostile, "w") as archive:
        for name, content in zipfile_members(JobInput(args=("a",)).pack()):
            archive.writestr(name, content)
        for number in range(2000):  # each takes 600 bytes of the enclave's memory for 46 of the input
            archive.writestr(f"{number:x}", b"")
    with pytest.raises(InputRefused, match=r"\(input.1\)"):
        unpack(hostile.getvalue())


def zipfile_members(packed):
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]
