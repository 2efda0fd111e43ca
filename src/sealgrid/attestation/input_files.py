"""Public input files of iExec's clients: URLs in a deal's params, each with the SHA-256 of its file as fragment. Pure.

The digest is part of the params that the requester signed. A host cannot replace the file, and needs no access to the
URL: workers read the file by its digest from the network's storage nodes.
"""

import re
from typing import Final
from urllib.parse import unquote

import msgspec

from sealgrid.errors import InputRefused
from sealgrid.units import Digest

_FRAGMENT: Final = re.compile(r"sha256=(?:0x)?([0-9a-f]{64})")


class InputFile(msgspec.Struct, frozen=True):
    """One public input file."""

    name: str  #: the last part of the URL's path, as iExec's workers name it; not checked
    sha256: Digest


def parse_input_file(url: str) -> InputFile:
    """Parse a URL such as ``https://example.org/a.png#sha256=<64 hex digits>``.

    Raises InputRefused for a URL without a digest or a name.
    """
    # Not urlsplit, which ignores some control characters: every vault must read the same as another implementation.
    address, _, fragment = url.partition("#")
    digest = _FRAGMENT.fullmatch(fragment)
    if digest is None:
        raise InputRefused(
            f"the input file {url[:80]!r} has no digest: append #sha256= and the file's SHA-256 in hex to its URL, "
            "and add the file to a storage node of the network."
        )
    _, _, path = address.partition("?")[0].partition("://")
    folder, _, name = path.rpartition("/")
    if not folder or not name:
        raise InputRefused(f"the URL of the input file {url[:80]!r} ends without a name; its path must end with one.")
    return InputFile(name=unquote(name), sha256=Digest("0x" + digest[1]))
