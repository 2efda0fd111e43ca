"""Chromium's own cryptography (AES-GCM, HKDF, X25519) agrees with Python's, through the pages' scripts.

Everything else in these scripts is tested in Node, without a browser: tests/unit/web/static.
"""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error
from visitor import Visitor

from sealgrid.bundle.job_input import unpack
from sealgrid.bundle.result_padding import pad
from sealgrid.crypto import hpke
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.units import to_digest

CONTAINERS = json.loads((Path(__file__).parents[1] / "vectors" / "container.json").read_text())
IMPORTS = """
const { fromHex, hex } = await import("/static/bytes.js");
const container = await import("/static/container.js");
const hpke = await import("/static/hpke.js");
const archive = await import("/static/archive.js");
"""


@pytest.fixture
def run_script(visitor: Visitor) -> Any:
    page = visitor.open("/")

    def run(body: str, **values: object) -> Any:
        return page.evaluate(f"async (values) => {{ {IMPORTS} {body} }}", values)

    return run


def test_a_browser_seals_the_published_files_byte_for_byte_and_opens_them(run_script):
    script = """
      const options = {
        keyId: fromHex(values.key_id), salt: fromHex(values.salt), metadata: fromHex(values.metadata),
        chunkSize: values.chunk_size,
      };
      const dek = fromHex(values.dek);
      const { sealed, sha256 } = await container.seal(new Blob([fromHex(values.plaintext)]), dek, options);
      const file = new Uint8Array(await sealed.arrayBuffer());
      return [hex(file), hex(sha256), hex(await container.open(file, dek))];
    """
    for vector in CONTAINERS:
        sealed = bytes.fromhex(vector["sealed"])
        expected = ["0x" + sealed.hex(), to_digest(sha256(sealed)), "0x" + vector["plaintext"]]
        assert run_script(script, **vector) == expected, vector["name"]


def test_hpke_messages_open_on_either_side_with_their_info_only(run_script):
    vault, secret = HpkeKey.generate(), os.urandom(32)
    sealed = run_script(
        "return hex(await hpke.seal(fromHex(values.key), fromHex(values.plain), fromHex('0a0b')))",
        key=vault.public.hex(),
        plain=secret.hex(),
    )
    assert vault.open(bytes.fromhex(sealed[2:]), b"\x0a\x0b") == secret
    pair = run_script(
        "const pair = await hpke.generateKeyPair(); return { public: hex(pair.public), secret: hex(pair.secret) };"
    )
    assert HpkeKey.from_bytes(bytes.fromhex(pair["secret"][2:])).public.hex() == pair["public"][2:]
    reply = hpke.seal(bytes.fromhex(pair["public"][2:]), secret, b"\x0c")
    open_script = "return hex(await hpke.open(fromHex(values.secret), fromHex(values.sealed), fromHex(values.info)))"
    assert run_script(open_script, secret=pair["secret"], sealed=reply.hex(), info="0c") == "0x" + secret.hex()
    with pytest.raises(Error):
        run_script(open_script, secret=pair["secret"], sealed=reply.hex(), info="0d")


def test_a_browser_refuses_a_public_key_of_low_order(run_script):
    with pytest.raises(Error):  # RFC 7748, section 6.1: anyone could open the message
        run_script("return hex(await hpke.seal(new Uint8Array(32), fromHex('00'), fromHex('00')))")


def test_an_enclave_reads_the_input_that_a_browser_packed(run_script):
    packed = run_script(
        """
        const files = [new File([fromHex("00ff10")], "täst.bin"), new File([], "empty.txt")];
        return hex(await archive.packInput(["one", "zwei drei"], files));
        """
    )
    job_input = unpack(bytes.fromhex(packed[2:]))
    assert job_input.args == ("one", "zwei drei")
    assert job_input.files == (("täst.bin", b"\x00\xff\x10"), ("empty.txt", b""))
    with pytest.raises(Error, match="same name"):
        run_script("return archive.packInput([], [new File([], 'A.txt'), new File([], 'a.txt')]).then(() => '')")


def test_a_browser_unpacks_the_results_that_an_enclave_pads(run_script, tmp_path):
    script = "return archive.unpackResult(fromHex(values.padded)).map(([name, content]) => [name, content.length])"
    for size in (0, 65_000, 300_001):
        with zipfile.ZipFile(tmp_path / "result.zip", "w", zipfile.ZIP_DEFLATED) as result:
            result.writestr("a.bin", os.urandom(size))
        padded = pad((tmp_path / "result.zip").read_bytes())
        assert run_script(script, padded=padded.hex()) == [["a.bin", size]]
