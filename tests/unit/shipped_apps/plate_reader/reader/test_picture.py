"""Picture files of phones, cameras, scanners and editors: each opens as it looks, or is refused in one sentence."""

import io
import struct
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from sealgrid.bundle import media_types
from sealgrid.shipped_apps.plate_reader.reader import picture as picture_module
from sealgrid.shipped_apps.plate_reader.reader.picture import NoPicture, open_picture
from tests.unit.shipped_apps.app_process import APPS

DECLARED = tomllib.loads((APPS / "plate_reader" / "app.toml").read_text())["inputs"]["files"]["media_types"]
DATA = Path(__file__).parent / "data"  #: HEIC files of the quarters, or a ramp, in the encoding of telephones
#: four quarters: red, green, blue, white; upright
QUARTERS = Image.new("RGB", (96, 64), "white")
for place, colour in (((0, 0, 48, 32), "red"), ((48, 0, 96, 32), "lime"), ((0, 32, 48, 64), "blue")):
    QUARTERS.paste(colour, place)
RAMP = np.tile(np.linspace(0, 1, 96), (64, 1))


def saved(image: Image.Image, form: str, **options) -> bytes:
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


def corners(content: bytes) -> list[tuple[int, ...]]:
    image = open_picture(content).image
    assert image.mode == "RGB"
    width, height = image.size
    return [image.getpixel(place) for place in ((8, 8), (width - 8, 8), (8, height - 8), (width - 8, height - 8))]


def near(found: list[tuple[int, ...]], expected: list[tuple[int, ...]], tolerance: int = 40) -> bool:
    return bool(np.abs(np.array(found) - np.array(expected)).max() <= tolerance)


UPRIGHT = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
GREY = [(76,) * 3, (150,) * 3, (29,) * 3, (255,) * 3]
UNDO = {  # how a camera held in this orientation stores the picture
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", UNDO)
def test_a_picture_is_turned_by_its_orientation(orientation, form):
    turn, exif = UNDO[orientation], Image.Exif()
    exif[274] = orientation
    stored = QUARTERS if turn is None else QUARTERS.transpose(turn)
    assert near(corners(saved(stored, form, exif=exif)), UPRIGHT)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "AVIF", "BMP", "JPEG2000"])
def test_every_form_that_the_app_declares_is_read(form):
    content = saved(QUARTERS, form)
    assert near(corners(content), UPRIGHT)
    assert media_types.media_type("picture", content) in DECLARED


@pytest.mark.parametrize("form", ["PPM", "PCX", "ICO", "ICNS", "SGI", "QOI", "DDS"])
def test_a_form_that_the_app_does_not_declare_is_refused(form):
    with pytest.raises(NoPicture, match="not a picture in a form that can be read"):
        open_picture(saved(QUARTERS, form))


def test_a_purchase_and_the_app_know_the_same_brands_of_pictures():
    assert picture_module._HEIF_BRANDS == media_types._HEIC
    assert picture_module._AVIF_BRANDS == media_types._AVIF


def test_heic_of_telephones_is_read():
    assert near(corners((DATA / "upright.heic").read_bytes()), UPRIGHT)
    assert near(corners((DATA / "clear.heic").read_bytes()), [(255, 255, 255), *UPRIGHT[1:]])
    assert ramp_of((DATA / "ten_bits.heic").read_bytes()) == pytest.approx([0, 128, 255], abs=4)


def test_heic_that_is_cut_short_is_refused():
    content = (DATA / "upright.heic").read_bytes()
    for size in (20, 200, len(content) - 20):
        with pytest.raises(NoPicture, match="cut short"):
            open_picture(content[:size])


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "packbits", "jpeg"])
def test_every_usual_compression_of_tiff_is_read(compression):
    assert near(corners(saved(QUARTERS, "TIFF", compression=compression)), UPRIGHT)


def lab() -> Image.Image:
    profiles = (ImageCms.createProfile(name) for name in ("sRGB", "LAB"))
    return ImageCms.profileToProfile(QUARTERS, *profiles, outputMode="LAB")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (saved(QUARTERS.convert("L"), "PNG"), GREY),
        (saved(QUARTERS.convert("L"), "JPEG"), GREY),
        (saved(QUARTERS.quantize(16), "PNG", bits=4), UPRIGHT),
        (saved(QUARTERS.quantize(4), "PNG", bits=2), UPRIGHT),
        (saved(QUARTERS.convert("CMYK"), "JPEG"), UPRIGHT),
        (saved(QUARTERS.convert("CMYK"), "TIFF"), UPRIGHT),
        (saved(QUARTERS.convert("YCbCr"), "TIFF"), UPRIGHT),
        (saved(lab(), "TIFF"), UPRIGHT),
        (saved(QUARTERS.convert("RGBA"), "PNG"), UPRIGHT),
        (saved(QUARTERS.convert("LA"), "PNG"), GREY),
    ],
    ids=["grey", "grey JPEG", "16 colours", "4 colours", "CMYK", "CMYK TIFF", "YCbCr", "LAB", "RGBA", "grey and alpha"],
)
def test_every_usual_colour_model_is_read(content, expected):
    assert near(corners(content), expected)


def ramp_of(content: bytes) -> list[int]:
    image = open_picture(content).image
    return [image.getpixel((x, 32))[0] for x in (0, 48, 95)]


def tiff(samples: np.ndarray, *, bits: int, sample_format: int, photometric: int = 1) -> bytes:
    """Write an uncompressed grey TIFF, as Pillow does not write some kinds of samples."""
    height, width = samples.shape
    entries = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, bits),
        (259, 3, 1),
        (262, 3, photometric),
        (273, 4, 8 + 2 + 10 * 12 + 4),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, samples.nbytes),
        (339, 3, sample_format),
    ]
    table = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4) + samples.tobytes()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (saved(Image.fromarray((RAMP * 65535).astype(np.uint16)), "PNG"), [0, 128, 255]),
        (saved(Image.fromarray((RAMP * 65535).astype(np.uint16)), "TIFF"), [0, 128, 255]),
        (tiff((RAMP * 65535).astype(np.uint16), bits=16, sample_format=1, photometric=0), [255, 127, 0]),
        (tiff((RAMP * 255).astype(np.uint8), bits=8, sample_format=1, photometric=0), [255, 127, 0]),
        (tiff((RAMP * (2**32 - 1)).astype(np.uint32), bits=32, sample_format=1), [0, 128, 255]),
        (saved(Image.fromarray((RAMP * 65535).astype(np.int32)), "TIFF"), [0, 128, 255]),
        (saved(Image.fromarray(RAMP.astype(np.float32)), "TIFF"), [0, 128, 255]),
        (saved(Image.fromarray((RAMP * 255).astype(np.float32)), "TIFF"), [0, 128, 255]),
        (saved(Image.fromarray((RAMP * 9000 - 500).astype(np.float32)), "TIFF"), [0, 128, 255]),
        (tiff(RAMP.astype(np.float64), bits=64, sample_format=3), [0, 128, 255]),
        (tiff(RAMP.astype(np.float16), bits=16, sample_format=3), [0, 128, 255]),
    ],
    ids=[
        "16",
        "16 TIFF",
        "16 white is 0",
        "8 white is 0",
        "32",
        "32 of 16",
        "decimal",
        "decimal 255",
        "decimal, any",
        "double",
        "half",
    ],
)
def test_samples_of_more_than_eight_bits_keep_their_brightness(content, expected):
    assert ramp_of(content) == pytest.approx(expected, abs=2)


def test_one_bit_is_black_and_white():
    assert ramp_of(saved(Image.fromarray(RAMP > 0.7), "PNG")) == [0, 0, 255]
    assert ramp_of(saved(Image.fromarray(RAMP > 0.7), "TIFF", compression="group4")) == [0, 0, 255]


def test_transparent_parts_are_shown_on_white_with_a_note():
    clear = QUARTERS.convert("RGBA")
    clear.paste((9, 9, 9, 0), (0, 0, 48, 32))
    for form in ("PNG", "WEBP", "TIFF", "AVIF"):
        assert near(corners(saved(clear, form)), [(255, 255, 255), *UPRIGHT[1:]])
    assert open_picture(saved(clear, "PNG")).notes == ("its transparent parts are shown on white",)


@pytest.mark.parametrize("form", ["TIFF", "GIF", "WEBP", "PNG", "AVIF"])
def test_of_several_pictures_the_first_is_read_with_a_note(form):
    content = saved(QUARTERS, form, save_all=True, append_images=[Image.new("RGB", (96, 64), "black")])
    assert near(corners(content), UPRIGHT)
    assert open_picture(content).notes == ("the file has 2 pictures; the first was read",)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_a_large_picture_is_reduced_and_says_so(monkeypatch, form):
    monkeypatch.setattr(picture_module, "WORKING_PIXELS", 48 * 32)
    opened = open_picture(saved(QUARTERS, form))
    assert (opened.image.size, opened.scale) == ((48, 32), 2)
    assert opened.notes == ("it was reduced to 48 by 32 pixels",)


def test_200_million_pixels_are_few_enough_and_more_are_refused(monkeypatch):
    assert picture_module.MAX_PIXELS > 16320 * 12240
    monkeypatch.setattr(picture_module, "MAX_PIXELS", 96 * 64 - 1)
    with pytest.raises(NoPicture, match="million pixels; give a smaller one"):
        open_picture(saved(QUARTERS, "PNG"))


def test_invalid_exif_data_do_not_matter():
    notes = b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01"
    assert open_picture(saved(QUARTERS, "JPEG", exif=notes)).image.size == (96, 64)


def test_bytes_behind_the_picture_do_not_matter():
    assert near(corners(saved(QUARTERS, "JPEG") + b"appended" * 99), UPRIGHT)


NOISE = Image.effect_noise((200, 200), 90).convert("RGB")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP", "AVIF"])
@pytest.mark.parametrize("part", [0.5, 0.97])
def test_a_picture_that_is_cut_short_is_refused(form, part):
    content = saved(NOISE, form)
    with pytest.raises(NoPicture, match="cut short"):
        open_picture(content[: int(len(content) * part)])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"not a picture" * 9, "not a picture in a form that can be read"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04", "zip archive"),
        (b"<svg/>", "SVG"),
        (b"\0\0\0\x18ftypmp42" + bytes(99), "video"),
        (b"\0\0\0\x18ftyp3gp5" + bytes(99), "video"),
        (b"\0\0\0\x18ftypcrx " + bytes(99), "raw file"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(99), "raw file"),
        (saved(QUARTERS.resize((31, 31)), "PNG"), "31 by 31 pixels"),
        (saved(Image.new("RGB", (1400, 33)), "PNG"), "more than 40 times as long"),
        (tiff(RAMP.astype(np.complex64), bits=64, sample_format=6), "TIFF file has pixels of a kind"),
    ],
    ids=["empty", "text", "PDF", "zip", "SVG", "video", "phone's video", "raw", "Canon", "tiny", "strip", "complex"],
)
def test_other_files_are_refused_and_named(content, reason):
    with pytest.raises(NoPicture, match=reason):
        open_picture(content)


def test_a_raw_file_with_a_small_preview_is_refused():
    preview = saved(QUARTERS, "TIFF", tiffinfo={254: 1})
    with pytest.raises(NoPicture, match="raw file"):
        open_picture(preview)


FORMS: tuple[Callable[[], bytes], ...] = tuple(
    (lambda form=form: saved(QUARTERS, form)) for form in ("JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP")
)


@given(form=st.sampled_from(FORMS), place=st.floats(0, 1), byte=st.integers(0, 255))
def test_a_damaged_picture_is_read_or_refused_and_nothing_else(form, place, byte):
    content = bytearray(form())
    content[int(place * (len(content) - 1))] = byte
    mode = "RGB"
    try:
        mode = open_picture(bytes(content)).image.mode
    except NoPicture:
        return
    assert mode == "RGB"
