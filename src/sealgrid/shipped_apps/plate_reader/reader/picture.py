"""Opens a picture file as it looks: turned by its orientation, in eight bits of red, green and blue, on white.

The app runs this code in its enclave. An SDK with the same code and its libraries runs it before a purchase too, and
then refuses the same files.
"""

import io
import math
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import AvifImagePlugin, Image, ImageCms, UnidentifiedImageError

from .float_tiff import read_float_tiff

MAX_PIXELS = 220_000_000  #: of a file; phones make pictures of 200 million
WORKING_PIXELS = 50_000_000  #: larger pictures are reduced
MIN_SIDE = 32  #: pixels; the detector halves a picture five times
MAX_RATIO = 40  #: of the longer to the shorter side, which the detector reduces alike
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "DIB", "AVIF", "JPEG2000", "PSD")  #: app.toml declares them
_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1")
)
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_ORIENTATION, _PHOTOMETRIC, _BITS, _SAMPLE_FORMAT, _SUBFILE, _DNG_VERSION = (
    274,
    262,
    258,
    339,
    254,
    50706,
)  # tags of EXIF and TIFF
_TURNS = {  # by the value of the tag
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TIFF = (b"II*\0", b"MM\0*")
_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"8BPS")
_DAMAGED = "the picture is damaged or cut short; send the whole file, or save it anew as PNG or JPEG."
_TOO_MUCH_MEMORY = "the picture needs too much memory; give a smaller one."
_RAW = "a camera's raw file; export it as JPEG"
_OTHER_FILES = (
    (0, b"%PDF", "a PDF document; export the page as PNG"),
    (0, b"PK\x03\x04", "a zip archive or an office document; send the picture alone"),
    (0, b"<svg", "an SVG drawing; export it as PNG"),
    (0, b"<?xml", "an SVG drawing or other XML; export it as PNG"),
    (0, b"<!DOCTYPE", "a web page; save the picture itself"),
    (0, b"<html", "a web page; save the picture itself"),
    (0, b"%!PS", "a PostScript drawing; export it as PNG"),
    (0, b"\x1aE\xdf\xa3", "a video; send one picture of it"),
    (0, b"version https://git-lfs", "a pointer of git-lfs; run `git lfs pull` to get the picture"),
    (4, b"ftypisom", "a video; send one picture of it"),
    (4, b"ftypmp4", "a video; send one picture of it"),
    (4, b"ftypqt", "a video; send one picture of it"),
    (4, b"ftypcrx", _RAW),
    (8, b"CR\x02", _RAW),
    (0, b"FUJIFILMCCD-RAW", _RAW),
    (0, b"IIRO", _RAW),
    (0, b"IIU\0", _RAW),
    (0, b"\xff\x0a", "a JPEG XL picture; export it as JPEG"),
    (4, b"JXL \r\n", "a JPEG XL picture; export it as JPEG"),
)
_LIMIT = threading.Lock()  #: of Pillow's limit of pixels, which is the process's


class NoPicture(Exception):
    """An input file is not a picture that can be read; the message is for the requester."""


@dataclass(frozen=True)
class Picture:
    """An opened picture."""

    image: Image.Image = field(repr=False)  #: RGB
    scale: float = 1.0  #: pixels of the file for each pixel of the image
    notes: tuple[str, ...] = ()  #: what was left out or reduced


def open_picture(content: bytes) -> Picture:
    """Return a picture as it looks; raise NoPicture for a file that is none, is damaged, or cannot be read."""
    for offset, magic, what in _OTHER_FILES:
        if content[offset : offset + len(magic)] == magic:
            raise NoPicture(f"the input is not a picture but {what}.")
    if not content:
        raise NoPicture("the input is empty, not a picture.")
    is_heif = _is_heif(content)
    if is_heif:
        _register_heif()
    try:
        with warnings.catch_warnings(), _pixel_limit():
            warnings.simplefilter("ignore")  # invalid EXIF data are not an error of the picture
            with Image.open(io.BytesIO(content), formats=("HEIF",) if is_heif else _FORMATS) as picture:
                _check_size(picture)
                return _read(picture)
    except UnidentifiedImageError as error:
        if (decimals := _decimals(content)) is not None:
            return decimals
        raise NoPicture(_unidentified(content)) from error
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except MemoryError as error:
        raise NoPicture(_TOO_MUCH_MEMORY) from error
    except (OSError, ValueError, SyntaxError, EOFError, RuntimeError, struct.error, IndexError, KeyError) as error:
        raise NoPicture(_damage(error)) from error


def _is_heif(content: bytes) -> bool:
    """Return whether a file is HEIF with a picture in HEVC, by the brands at its beginning (ISO/IEC 14496-12)."""
    end = int.from_bytes(content[:4], "big")
    brands = {content[8:12], *(content[place : place + 4] for place in range(16, min(end, 256), 4))}
    return content[4:8] == b"ftyp" and bool(brands & _HEIF_BRANDS) and not brands & _AVIF_BRANDS


def _register_heif() -> None:
    import pi_heif  # noqa: PLC0415  only these files need it

    pi_heif.options.DECODE_THREADS = 0  # an app has one thread
    pi_heif.register_heif_opener(thumbnails=False)


@contextmanager
def _pixel_limit() -> Iterator[None]:
    with _LIMIT:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MAX_PIXELS
        threads, AvifImagePlugin.DEFAULT_MAX_THREADS = AvifImagePlugin.DEFAULT_MAX_THREADS, 1
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS, AvifImagePlugin.DEFAULT_MAX_THREADS = before, threads


def _too_large() -> NoPicture:
    return NoPicture(f"the picture has more than {MAX_PIXELS // 10**6} million pixels; give a smaller one.")


def _decimals(content: bytes) -> Picture | None:
    """Return the picture of a TIFF of decimal samples that Pillow does not read; None for any other file."""
    if content[:4] not in _TIFF:
        return None
    try:
        samples = read_float_tiff(content, WORKING_PIXELS)
        if samples is None:
            return None
        image = Image.fromarray(_scaled(samples[..., 0] if samples.shape[2] == 1 else samples[..., :3])).convert("RGB")
    except MemoryError as error:
        raise NoPicture(_TOO_MUCH_MEMORY) from error
    except (ValueError, KeyError, SyntaxError, struct.error, zlib.error, TypeError, OverflowError) as error:
        raise NoPicture(_DAMAGED) from error
    _check_size(image)
    return Picture(image)


def _unidentified(content: bytes) -> str:
    if content[:4] in _TIFF:
        return "the TIFF file has pixels of a kind that cannot be read; save it as PNG or JPEG."
    if content[4:8] == b"ftyp" and content[8:12] not in _HEIF_BRANDS | _AVIF_BRANDS:
        return "the input is not a picture but a video; send one picture of it."
    if content.startswith(_STARTS) or content[4:8] == b"ftyp":
        return _DAMAGED
    return "the input is not a picture in a form that can be read; send JPEG, PNG, HEIC, WebP, AVIF, TIFF or GIF."


def _damage(error: Exception) -> str:
    text = str(error).lower()
    if any(
        word in text for word in ("truncat", "end of file", "eof", "incomplete", "unrecognized data stream", "short")
    ):
        return "the picture is cut short; send the whole file."
    if "mode" in text or "support" in text:
        return "the picture has pixels of a kind that cannot be read; save it as PNG or JPEG."
    return _DAMAGED


def _check_size(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise _too_large()
    if min(width, height) < MIN_SIDE:
        raise NoPicture(f"the picture has {width} by {height} pixels; each side needs at least {MIN_SIDE}.")
    if max(width, height) > MAX_RATIO * min(width, height):
        raise NoPicture(
            f"the picture is more than {MAX_RATIO} times as long as it is wide; send the part with the plate."
        )


def _read(picture: Image.Image) -> Picture:
    """Decode the first picture of a file."""
    longer, notes = max(picture.size), []
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format in {"GIF", "TIFF", "WEBP", "PNG", "AVIF", "HEIF"}:
        notes.append(f"the file has {frames} pictures; the first was read")
    if picture.format == "TIFF" and (picture.tag_v2.get(_SUBFILE) == 1 or _DNG_VERSION in picture.tag_v2):  # type: ignore[attr-defined]
        raise NoPicture(f"the input is not a picture but {_RAW}.")
    if picture.format in {"JPEG", "MPO"} and (factor := _reduction(picture.size)) > 1:
        picture.draft(None, (picture.width // factor, picture.height // factor))
    picture.load()
    orientation = _orientation(picture)
    image = _eight_bits(picture)
    image = _on_white(image, notes) if image.has_transparency_data else _in_rgb(image)
    if (factor := _reduction(image.size)) > 1:
        image = image.reduce(factor)
    if orientation in _TURNS:
        image = image.transpose(_TURNS[orientation])
    scale = longer / max(image.size)
    if scale > 1:
        notes.append(f"it was reduced to {image.width} by {image.height} pixels")
    return Picture(image, round(scale) if abs(scale - round(scale)) < 0.01 else scale, tuple(notes))


def _reduction(size: tuple[int, int]) -> int:
    return math.ceil(math.sqrt(size[0] * size[1] / WORKING_PIXELS))


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001  invalid EXIF data are not an error of the picture
        return 1


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Return a picture whose samples have at most eight bits."""
    if not picture.mode.startswith(("I", "F")):
        return picture
    tags: Any = getattr(picture, "tag_v2", {})
    if picture.mode in {"I", "F"} and (factor := _reduction(picture.size)) > 1:
        picture = picture.reduce(factor)  # the arrays below need several times the picture's memory
    samples = np.asarray(picture)
    if picture.mode.startswith("I;16"):
        bits = int(tags.get(_BITS, (16,))[0]) if tags else 16
        grey = np.minimum(samples >> max(0, bits - 8), 255).astype(np.uint8)
    else:
        unsigned = picture.mode == "I" and tags.get(_SAMPLE_FORMAT, (1,))[0] == 1 and tags.get(_BITS) == (32,)
        grey = _scaled(samples.view(np.uint32) if unsigned else samples)
    return Image.fromarray(255 - grey if tags.get(_PHOTOMETRIC) == 0 else grey)


def _scaled(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """Return whole or decimal samples in 0 to 255: of 1, 255 or 65535 at most, else from the lowest to the highest."""
    finite = np.nan_to_num(np.asarray(samples, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    decimal = np.issubdtype(samples.dtype, np.floating)
    limit = next((limit for limit in ((1,) if decimal else ()) + (255, 65535) if low >= 0 and high <= limit), None)
    base, extent = (0.0, float(limit)) if limit else (low, (high - low) or 1.0)
    scaled: NDArray[np.uint8] = np.clip((finite - base) * (255 / extent) + 0.5, 0, 255).astype(np.uint8)
    return scaled


def _on_white(image: Image.Image, notes: list[str]) -> Image.Image:
    with_alpha = image if image.mode == "RGBA" else image.convert("RGBA")
    opaque = with_alpha.getchannel("A").getextrema() == (255, 255)
    if (factor := _reduction(image.size)) > 1:
        with_alpha = with_alpha.reduce(factor)
    if opaque:
        return with_alpha.convert("RGB")
    notes.append("its transparent parts are shown on white")
    white = Image.new("RGB", with_alpha.size, "white")
    white.paste(with_alpha.convert("RGB"), mask=with_alpha.getchannel("A"))
    return white


def _in_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "CMYK" and (profile := image.info.get("icc_profile")):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            return image.convert("RGB")
        return converted or image.convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")
