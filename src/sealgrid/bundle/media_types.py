"""Media type of a file by its content, and by its name where the content is text (IANA media types; magic bytes).

The content decides: a JPEG picture called ``car.png`` is ``image/jpeg``. iExec's files are named after their address,
so a name is a hint only.
"""

import codecs
import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Final

from sealgrid.bundle.archive import BROKEN

OCTETS: Final = "application/octet-stream"  #: unknown content
EMPTY: Final = "application/x-empty"
JSON, CSV, TSV, TEXT = "application/json", "text/csv", "text/tab-separated-values", "text/plain"
RAW_PHOTO: Final = "image/x-raw"  #: of a camera's sensor
ONNX, NPY, NPZ = "application/onnx", "application/x-npy", "application/x-npz"

_MAGIC: Final = (  #: (offset, bytes, type), the first that matches
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"II+\0", "image/tiff"),
    (0, b"MM\0+", "image/tiff"),
    (0, b"\0\0\0\x0cjP  \r\n", "image/jp2"),
    (0, b"\xff\x0a", "image/jxl"),
    (0, b"\0\0\0\x0cJXL ", "image/jxl"),
    (0, b"\xff\x4f\xff\x51", "image/jp2"),
    (0, b"8BPS", "image/vnd.adobe.photoshop"),
    (0, b"FUJIFILMCCD-RAW", RAW_PHOTO),
    (0, b"IIRO", RAW_PHOTO),
    (0, b"IIRS", RAW_PHOTO),
    (0, b"IIU\0", RAW_PHOTO),
    (0, b"FOVb", RAW_PHOTO),
    (0, b"\0MRM", RAW_PHOTO),
    (4, b"ftypcrx ", RAW_PHOTO),
    (0, b"\x93NUMPY", NPY),
    (0, b"\x89HDF\r\n\x1a\n", "application/x-hdf5"),
    (0, b"GGUF", "application/x-gguf"),
    (4, b"TFL3", "application/x-tflite"),
    (0, b"PAR1", "application/vnd.apache.parquet"),
    (0, b"SQLite format 3\0", "application/vnd.sqlite3"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\0", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (257, b"ustar", "application/x-tar"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "application/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\x1aE\xdf\xa3", "video/x-matroska"),
    (0, b"\0\0\1\xba", "video/mpeg"),
    (0, b"\0\0\1\xb3", "video/mpeg"),
    (4, b"moov", "video/mp4"),
    (4, b"wide", "video/mp4"),
    (4, b"mdat", "video/mp4"),
)
_RIFF: Final = {"image/webp", "audio/wav", "video/x-msvideo"}
#: brands of ISO base media files (ISO/IEC 14496-12) that are pictures
_HEIC: Final = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1"}
_AVIF: Final = {b"avif", b"avis"}
_BMP_HEADERS: Final = {12, 40, 52, 56, 64, 108, 124}  #: sizes of the header that follows a BMP file's first 14 bytes
_ZIP: Final = b"PK\x03\x04"
_EMPTY_ZIP: Final = b"PK\x05\x06"
_TEXT_STARTS: Final = (
    ("version https://git-lfs", "application/x-git-lfs-pointer"),
    ("<!doctype html", "text/html"),
    ("<html", "text/html"),
    ("<svg", "image/svg+xml"),
    ("<?xml", "application/xml"),
    ("{\\rtf", "application/rtf"),
)
_SUFFIXES: Final = {
    ".csv": CSV,
    ".tsv": TSV,
    ".tab": TSV,
    ".json": JSON,
    ".md": "text/markdown",
    ".html": "text/html",
    ".htm": "text/html",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".toml": "application/toml",
    ".xml": "application/xml",
}
_OTHER_SUFFIXES: Final = {
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
    "image/tiff": (".tif", ".tiff"),
    "image/bmp": (".bmp", ".dib"),
    "image/heic": (".heic", ".heif"),
    "image/avif": (".avif",),
    NPY: (".npy",),
    NPZ: (".npz",),
    ONNX: (".onnx",),
    TEXT: (".txt",),
    "application/gzip": (".gz",),
    "application/zip": (".zip",),
    "application/pdf": (".pdf",),
}
_LABELS: Final = {
    OCTETS: "of no type that is known here",
    EMPTY: "empty",
    JSON: "JSON",
    CSV: "a CSV table",
    TSV: "a table with tabs",
    TEXT: "plain text",
    "text/markdown": "Markdown",
    "text/html": "a web page (HTML)",
    "application/xml": "XML",
    "application/yaml": "YAML",
    NPY: "a NumPy array (.npy)",
    NPZ: "a NumPy archive (.npz)",
    ONNX: "an ONNX model",
    "application/x-python-pickle": "a Python pickle",
    "application/x-git-lfs-pointer": "a Git LFS pointer: fetch the file itself with git lfs pull",
    "application/gzip": "compressed by gzip",
    "application/zip": "a zip archive",
    "application/pdf": "a PDF document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "an Excel workbook",
    "application/vnd.oasis.opendocument.spreadsheet": "an OpenDocument spreadsheet",
    "application/x-ole-storage": "an old Office document",
    "application/vnd.apache.parquet": "a Parquet table",
    "application/x-hdf5": "an HDF5 file",
    "application/x-safetensors": "a safetensors file",
    "application/x-gguf": "a GGUF model",
    "application/x-tflite": "a TensorFlow Lite model",
    "image/png": "a PNG picture",
    "image/jpeg": "a JPEG picture",
    "image/gif": "a GIF picture",
    "image/webp": "a WebP picture",
    "image/tiff": "a TIFF picture",
    "image/bmp": "a BMP picture",
    "image/heic": "a HEIC picture",
    "image/avif": "an AVIF picture",
    "image/jp2": "a JPEG 2000 picture",
    "image/vnd.adobe.photoshop": "a Photoshop picture",
    "image/svg+xml": "an SVG drawing",
    "image/jxl": "a JPEG XL picture",
    RAW_PHOTO: "a camera's raw file: export it as JPEG",
    **dict.fromkeys(("video/mp4", "video/mpeg", "video/x-matroska", "video/x-msvideo"), "a video"),
    "image/*": "any picture",
    "text/*": "any text",
}
_SNIFFED: Final = {
    *(kind for *_, kind in _MAGIC),
    *_SUFFIXES.values(),
    *_OTHER_SUFFIXES,
    *(kind for _, kind in _TEXT_STARTS),
    *_LABELS,
}
#: types that a file of a type which is not known here may have
_UNSPECIFIC: Final = {OCTETS, JSON, "application/zip", "application/xml", "application/gzip"}
_ZIPPED: Final = {
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.oasis.opendocument.spreadsheet",
}
_CONTROL: Final = frozenset(map(chr, set(range(32)) - {7, 8, 9, 10, 12, 13, 27}))  #: characters that no text has
_MARKS: Final = (  #: of texts that are not in UTF-8, the longest first
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_TEXT_SAMPLE: Final = 1 << 16
_PROTOBUF_FIELDS: Final = 10_000  #: at the top level of a model, by which its type is found
_ENTRIES: Final = 64  #: of a zip archive, by which its type is found


def media_type(name: str, content: bytes) -> str:
    """Return the media type of a file, ``application/octet-stream`` for unknown content."""
    if not content:
        return EMPTY
    return _binary_type(content) or _text_type(name, content) or OCTETS


def label(kind: str) -> str:
    """Return a media type in words, with its article, for a sentence."""
    return _LABELS.get(kind, f"of the type {kind}")


def suffixes(kind: str) -> tuple[str, ...]:
    """Return the usual suffixes of file names of a type."""
    return _OTHER_SUFFIXES.get(kind, tuple(suffix for suffix, each in _SUFFIXES.items() if each == kind))


def accepts(declared: Sequence[str], found: str) -> bool:
    """Return whether a file of the type ``found`` may be one of the declared types.

    A declared type that cannot be recognised accepts content of unknown type. Text of unknown kind may be a table, and
    every text is plain text.
    """
    if found == EMPTY:
        return False
    return any(_is_one_of(each, found) for each in declared)


def _is_one_of(declared: str, found: str) -> bool:
    if declared == found or (declared.endswith("/*") and found.startswith(declared[:-1])):
        return True
    if declared == TEXT:
        return found.startswith("text/") or found in {JSON, *_SUFFIXES.values()}
    if found == TEXT:
        return declared.startswith("text/") or declared not in _SNIFFED
    unknown = declared not in _SNIFFED and not declared.endswith("/*")
    return unknown and found in _UNSPECIFIC


def tables() -> dict[str, object]:
    """Return the tables of this module as JSON values, bytes as Latin-1 text: the browser's scripts use the same."""
    return {
        "magic": [[offset, magic.decode("latin-1"), kind] for offset, magic, kind in _MAGIC],
        "riff": sorted(_RIFF),
        "heic": sorted(brand.decode() for brand in _HEIC),
        "avif": sorted(brand.decode() for brand in _AVIF),
        "bmp_headers": sorted(_BMP_HEADERS),
        "text_starts": _TEXT_STARTS,
        "suffixes": _SUFFIXES,
        "labels": _LABELS,
        "sniffed": sorted(_SNIFFED),
        "unspecific": sorted(_UNSPECIFIC),
        "control": sorted(_CONTROL),
        "open_in_browser": {OCTETS: [ONNX], "application/zip": sorted(_ZIPPED)},
    }


def _binary_type(content: bytes) -> str | None:
    for offset, magic, kind in _MAGIC:
        if content.startswith(magic, offset) and (kind not in _RIFF or content.startswith(b"RIFF")):
            return kind
    if content.startswith((_ZIP, _EMPTY_ZIP)):
        return _zip_type(content)
    if content[4:8] == b"ftyp":
        return _iso_media_type(content)
    return next((kind for kind, matches in _PATTERNS.items() if matches(content)), None)


def _zip_type(content: bytes) -> str:
    """Return the type of a zip archive by the names in it."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [entry.filename for entry in archive.infolist()[:_ENTRIES]]
    except BROKEN:
        return "application/zip"
    if all(name.endswith(".npy") for name in names):
        return NPZ
    if any(name.startswith("xl/") for name in names):
        return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    if any(name.startswith("word/") for name in names):
        return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    if "mimetype" in names and "content.xml" in names:
        return "application/vnd.oasis.opendocument.spreadsheet"
    return "application/zip"


def _iso_media_type(content: bytes) -> str:
    size = min(max(int.from_bytes(content[:4], "big"), 16), 256)
    brands = {content[8:12], *(content[at : at + 4] for at in range(16, size, 4))}
    if brands & _AVIF:
        return "image/avif"
    return "image/heic" if brands & _HEIC else "video/mp4"


def _is_onnx(content: bytes) -> bool:
    """Return whether this is protobuf from its first to its last byte, with a ModelProto's IR version and graph.

    Content of more than 10,000 fields is not: models have one for each domain, function and entry of metadata.
    """
    at, found = 0, set()
    try:
        for _ in range(_PROTOBUF_FIELDS):
            if at >= len(content):
                break
            tag, at = _varint(content, at)
            number, wire_type = tag >> 3, tag & 7
            if not 1 <= number <= 64 or wire_type not in {0, 1, 2, 5}:
                return False
            if wire_type == 0:
                _, at = _varint(content, at)
            else:
                length, at = _varint(content, at) if wire_type == 2 else (8 if wire_type == 1 else 4, at)
                at += length
            found.add((number, wire_type))
    except ValueError:
        return False
    return at == len(content) and {(1, 0), (7, 2)} <= found


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(content):
            break
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("not protobuf")


#: types whose first bytes are not one constant
_PATTERNS: Final[Mapping[str, Callable[[bytes], bool]]] = {
    "image/bmp": lambda raw: raw[:2] == b"BM" and int.from_bytes(raw[14:18], "little") in _BMP_HEADERS,
    "application/x-python-pickle": lambda raw: raw[:1] == b"\x80" and raw[1:2] in {b"\2", b"\3", b"\4", b"\5"},
    "application/x-safetensors": lambda raw: raw[8:10] == b'{"' and int.from_bytes(raw[:8], "little") <= len(raw),
    ONNX: _is_onnx,
}


def _text_type(name: str, content: bytes) -> str | None:
    text = _decoded_start(content)
    if text is None:
        return None
    start = text.lstrip("\ufeff \t\r\n\f")[:32].lower()
    for words, kind in _TEXT_STARTS:
        if start.startswith(words):
            return kind
    suffix = PurePath(name).suffix.lower()
    if start[:1] in {"{", "["} and suffix not in {".csv", ".tsv", ".tab"}:
        return JSON
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    return JSON if _is_scalar_json(text, content) else TEXT


def _is_scalar_json(text: str, content: bytes) -> bool:
    """Return whether a short text is one JSON number, word or string."""
    if len(content) > 1000:
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _decoded_start(content: bytes) -> str | None:
    """Return the beginning of a text (UTF-8, UTF-16, UTF-32, else a one-byte encoding); None for no text."""
    sample = content[:_TEXT_SAMPLE]
    decoder = codecs.getincrementaldecoder(_encoding(sample))()
    try:
        text = decoder.decode(sample, final=len(sample) == len(content))  # only a sample can end within a character
    except UnicodeDecodeError:
        text = sample.decode("cp1252", errors="replace")
    return text if _CONTROL.isdisjoint(text) else None


def _encoding(start: bytes) -> str:
    """Return a text's encoding by its byte order mark, else by the NUL bytes at its start, as ``json.loads`` does."""
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding
    if start[:1] == b"\0":
        return "utf-32-be" if start[1:2] == b"\0" else "utf-16-be"
    if start[1:2] == b"\0":
        return "utf-32-le" if start[2:4] == b"\0\0" else "utf-16-le"
    return "utf-8-sig"
