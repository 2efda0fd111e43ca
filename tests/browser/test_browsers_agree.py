"""What a browser seals, Python's code opens, and the other way round: byte for byte where nothing is drawn."""

import io
import json
import os
import shlex
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error
from visitor import Visitor

from sealgrid.bundle.job_input import JobInput, check_input, unpack
from sealgrid.bundle.result_padding import pad
from sealgrid.crypto import container, hpke
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.shares import Share, combine, commit, record_from_shares, split
from sealgrid.crypto.typed_data_json import wallet_typed_data
from sealgrid.errors import InputRefused
from sealgrid.units import ZERO_DIGEST, to_address, to_digest
from tests.vectors.test_statement_vectors import DOMAIN, SIGNER, statement_of

VECTORS = Path(__file__).parents[1] / "vectors"
CONTAINERS = json.loads((VECTORS / "container.json").read_text())
STATEMENTS = json.loads((VECTORS / "statements.json").read_text())["statements"]
VAULTS = tuple(to_address("0x" + digit * 40) for digit in "123")
BEFORE = """
const { fromHex, hex } = await import("/static/bytes.js");
const container = await import("/static/container.js");
const shares = await import("/static/shares.js");
const hpke = await import("/static/hpke.js");
const typed = await import("/static/typed.js");
const archive = await import("/static/archive.js");
const { words } = await import("/static/words.js");
"""


@pytest.fixture
def does(visitor: Visitor) -> Any:
    page = visitor.open("/")

    def run(body: str, **given: object) -> Any:
        return page.evaluate(f"async (given) => {{ {BEFORE} {body} }}", given)

    return run


def test_a_browser_seals_the_published_files_byte_for_byte_and_opens_them(does):
    seal = """
      const { sealed, sha256 } = await container.seal(new Blob([fromHex(given.plaintext)]), fromHex(given.dek), {
        keyId: fromHex(given.key_id), salt: fromHex(given.salt), metadata: fromHex(given.metadata),
        chunkSize: given.chunk_size,
      });
      const file = new Uint8Array(await sealed.arrayBuffer());
      return [hex(file), hex(sha256), hex(await container.open(file, fromHex(given.dek)))];
    """
    for vector in CONTAINERS:
        sealed = bytes.fromhex(vector["sealed"])
        assert does(seal, **vector) == [
            "0x" + sealed.hex(),
            to_digest(sha256(sealed)),
            "0x" + vector["plaintext"],
        ], vector["name"]


def test_a_browser_refuses_a_damaged_file_by_the_number_of_the_check(does):
    dek, plain = os.urandom(32), os.urandom(300)
    sealed = container.seal_bytes(plain, dek=dek, key_id=bytes(16), chunk_size=64)
    bad = {
        "(1)": b"SGC2" + sealed[4:],
        "(2)": sealed[:6] + bytes(4) + sealed[10:],
        "(3)": sealed + b"\0",
        "(4)": sealed[:-1] + bytes([sealed[-1] ^ 1]),
    }
    for number, file in bad.items():
        with pytest.raises(Error, match=rf"\({number[1]}\)"):
            does(
                "return hex(await container.open(fromHex(given.file), fromHex(given.dek)))",
                file=file.hex(),
                dek=dek.hex(),
            )


def test_shares_of_a_browser_give_python_the_key_and_the_other_way_round(does):
    dek = os.urandom(32)
    made = does(
        """
        return shares.split(fromHex(given.dek), 3, 2).map((share) => ({
          index: share.index, value: hex(share.value), blind: hex(share.blind), commitment: shares.commit(share),
        }));
        """,
        dek=dek.hex(),
    )
    theirs = [Share(each["index"], bytes.fromhex(each["value"][2:]), bytes.fromhex(each["blind"][2:])) for each in made]
    assert [commit(share) for share in theirs] == [each["commitment"] for each in made]
    record = record_from_shares(
        hub=VAULTS[0],
        asset=VAULTS[1],
        owner=VAULTS[2],
        version=1,
        file_sha256=ZERO_DIGEST,
        t=2,
        vaults=VAULTS,
        shares=theirs,
    )
    for pair in (theirs[:2], theirs[1:], theirs[::2]):
        assert combine(pair, record) == dek
    ours = split(dek, 3, 2)
    given = [{"index": one.index, "value": one.value.hex(), "blind": one.blind.hex()} for one in ours]
    joined = """
      const parts = given.parts.map(({ index, value, blind }) => ({ index, value: fromHex(value), blind: fromHex(blind) }));
      return hex(shares.combine(parts, given.commitments, 2));
    """
    lying = [given[0] | {"value": bytes(32).hex()}, *given[1:]]
    for parts in (given[:2], given[1:], given[::2], lying):
        assert does(joined, parts=parts, commitments=[commit(one) for one in ours]) == "0x" + dek.hex()
    with pytest.raises(Error, match="only 1 match their commitments"):
        does(joined, parts=lying[:2], commitments=[commit(one) for one in ours])


def test_messages_to_a_key_open_on_either_side_and_under_their_context_alone(does):
    vault, secret = HpkeKey.generate(), os.urandom(32)
    sealed = does(
        "return hex(await hpke.seal(fromHex(given.key), fromHex(given.plain), fromHex('0a0b')))",
        key=vault.public.hex(),
        plain=secret.hex(),
    )
    assert vault.open(bytes.fromhex(sealed[2:]), b"\x0a\x0b") == secret
    pair = does("const pair = await hpke.keyPair(); return { open: hex(pair.public), secret: hex(pair.secret) };")
    assert HpkeKey.from_bytes(bytes.fromhex(pair["secret"][2:])).public.hex() == pair["open"][2:]
    back = hpke.seal(bytes.fromhex(pair["open"][2:]), secret, b"\x0c")
    opened = "return hex(await hpke.open(fromHex(given.secret), fromHex(given.sealed), fromHex(given.info)))"
    assert does(opened, secret=pair["secret"], sealed=back.hex(), info="0c") == "0x" + secret.hex()
    with pytest.raises(Error):
        does(opened, secret=pair["secret"], sealed=back.hex(), info="0d")


def test_every_published_statement_has_the_same_digest_and_signer_in_a_browser(does):
    for vector in STATEMENTS:
        statement = statement_of(vector)
        form = wallet_typed_data(statement, name="Sealgrid", version="1", chain=DOMAIN.chain, contract=DOMAIN.broker)
        told = does(
            "return [hex(typed.digest(given.form)), typed.signer(given.form, given.signature)]",
            form=form,
            signature="0x" + statement.sign(DOMAIN, SIGNER).hex(),
        )
        assert told == ["0x" + statement.digest(DOMAIN).hex(), SIGNER.address], vector["name"]


def test_an_enclave_reads_the_input_that_a_browser_packed_and_a_browser_the_result(does):
    packed = does(
        """
        const files = [new File([fromHex("00ff10")], "täst.bin"), new File([], "empty.txt")];
        return hex(await archive.packed(["one", "zwei drei"], files));
        """
    )
    given = unpack(bytes.fromhex(packed[2:]))
    assert given.args == ("one", "zwei drei")
    assert given.files == (("täst.bin", b"\x00\xff\x10"), ("empty.txt", b""))
    with pytest.raises(Error, match="same name"):
        does("return archive.packed([], [new File([], 'A.txt'), new File([], 'a.txt')]).then(() => '')")
    for check, args, names in (
        (3, [], ["a\nb"]),
        (3, [], [".."]),
        (3, [], ["C:a"]),
        (3, [], ["é" * 128]),
        (3, [], [str(n) for n in range(1001)]),
        (4, [], ["straße", "STRASSE"]),
        (4, [], ["\u00e9", "e\u0301"]),
        (6, ["a\0b"], []),
        (7, ["x" * (128 << 10)], []),
        (7, ["x" * 1000] * 1100, []),
    ):
        with pytest.raises(InputRefused, match=rf"\(input\.{check}\)"):
            check_input(JobInput(args=tuple(args), files=tuple((name, b"") for name in names)))
        with pytest.raises(Error, match=rf"\(input\.{check}\)"):
            does("archive.checkInput(given.args, given.names, 0)", args=args, names=names)
    with pytest.raises(Error, match=r"\(input\.9\)"):
        does("archive.checkInput([], ['a'], (512 << 20) + 1)")
    for size in (0, 5, 65_000, 70_000, 300_001):
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as result:
            result.writestr("a.bin", os.urandom(size))
        padded = pad(target.getvalue())
        read = "return archive.unpacked(fromHex(given.padded)).map(([name, content]) => [name, content.length])"
        assert does(read, padded=padded.hex()) == [["a.bin", size]]
        for damaged in (padded[:-1] + b"\1", padded + b"\0", padded[:-1]):
            with pytest.raises(Error, match="padd"):
                does(read, padded=damaged.hex())


def test_arguments_are_split_as_a_shell_does(does):
    for text in (
        "",
        "  ",
        "a b",
        "--name 'two words' x",
        'say "a \\"quoted\\" b" \'\'',
        "a\\ b c",
        "x'y'z",
        "'a\\b' \"c\\d\"",
    ):
        assert does("return words(given.text)", text=text) == shlex.split(text), text
    for text in ("'open", 'a "b', "end\\"):
        with pytest.raises(Error, match="arguments"):
            does("return words(given.text)", text=text)


def test_a_browser_does_not_know_a_zero_key(does):
    with pytest.raises(Error):  # of low order: anybody could read what is sealed to it (RFC 7748, 6.1)
        does("return hex(await hpke.seal(new Uint8Array(32), fromHex('00'), fromHex('00')))")
