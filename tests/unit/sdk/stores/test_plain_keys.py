"""A private key is read in the forms in which people keep it; other secrets are named and refused."""

import json

import pytest

from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused
from sealgrid.sdk.stores.plain_keys import plain_key

KEY = "4c" * 31 + "07"
ADDRESS = SigningKey.from_bytes(bytes.fromhex(KEY)).address
PHRASE = "test test test test test test test test test test test junk"

ONE_KEY = {
    "hex": KEY,
    "with 0x and a line end": f"0x{KEY}\n",
    "upper case": f"0X{KEY.upper()}",
    "CRLF and a byte order mark": f"\ufeff0x{KEY}\r\n",
    "quotes": f'"{KEY}"\n',
    "single quotes": f"'0x{KEY}'\n",
    "a line of settings": f"PRIVATE_KEY=0x{KEY}\n",
    "an export": f'export PRIVATE_KEY="0x{KEY}"  # mine\n',
    "PowerShell": f'$env:PRIVATE_KEY = "0x{KEY}"\r\n',
    "settings among others": f"# network\nRPC_URL=http://127.0.0.1:8545\nDEPLOYER_PK={KEY}\nTX=0x{'ab' * 32}\n",
    "YAML": f"private_key: '0x{KEY}'\n",
    "JSON": json.dumps({"address": ADDRESS, "privateKey": f"0x{KEY}"}),
    "JSON in another style": json.dumps({"Address": ADDRESS, "private_key": KEY}),
    "the same key twice": f"PRIVATE_KEY=0x{KEY}\nDEPLOYER_KEY={KEY.upper()}\n",
}


@pytest.fixture
def read(tmp_path):
    def of(content: str | bytes) -> SigningKey | None:
        file = tmp_path / "file"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return plain_key(file)

    return of


@pytest.mark.parametrize("form", ONE_KEY)
def test_a_key_is_read_in_every_usual_form(read, form):
    assert read(ONE_KEY[form]).address == ADDRESS


def test_a_key_in_utf_16_is_read_as_windows_writes_it(read):
    assert read(f"0x{KEY}\r\n".encode("utf-16")).address == ADDRESS


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (PHRASE, "a recovery phrase"),
        ("\n".join(f"{n}. {word}" for n, word in enumerate(PHRASE.split(), 1)), "a recovery phrase"),
        (" ".join(["word"] * 24).title(), "a recovery phrase"),
        (f'MNEMONIC="{PHRASE}"\n', "a recovery phrase"),
        (json.dumps({"mnemonic": PHRASE}), "a recovery phrase"),
        (json.dumps(list(range(64))), "Solana"),
        (json.dumps({"data": "x", "iv": "y", "salt": "z"}), "the encrypted storage of a browser wallet"),
        ("-----BEGIN EC PRIVATE KEY-----\nMHQ=\n-----END EC PRIVATE KEY-----\n", "a PEM file"),
        ("xprv" + "9" * 107, "an extended key"),
        ("xpub" + "9" * 107, "an extended public key"),
        ("K" + "w" * 51, "a Bitcoin key"),
        (ADDRESS, "an address, not a private key"),
        ("0x04" + "ab" * 64, "a public key"),
        ("02" + "ab" * 32, "a public key"),
        (KEY[:-1], "63 hex digits"),
        (KEY + "7", "65 hex digits"),
        (f"{KEY[:32]}\n{KEY[32:]}", "write them in one line"),
        (b"\x80" * 32, "write a private key as 64 hex digits"),
        (f"A_KEY={KEY}\nB_KEY={'5c' * 32}", "2 private keys"),
        (json.dumps({"address": "0x" + "11" * 20, "privateKey": KEY}), "does not belong to it"),
    ],
)
def test_another_secret_is_named_and_refused_without_repeating_it(read, content, what):
    with pytest.raises(InputRefused, match=what) as refused:
        read(content)
    text = content.decode("latin-1") if isinstance(content, bytes) else content
    assert text[:20] not in str(refused.value)


def test_digits_that_are_no_key_are_refused(read):
    for value in ("00" * 32, "ff" * 32):
        with pytest.raises(InputRefused, match="not a valid key"):
            read(value)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"version": 3, "crypto": {}}', "hello", "TX_HASH=0x" + KEY, b"\xff\xff\x00"]
)
def test_a_keystore_and_unknown_content_are_left_to_the_reader_of_keystores(read, content):
    assert read(content) is None


def test_a_file_that_cannot_be_read_is_one_error(tmp_path):
    with pytest.raises(InputRefused, match="cannot be read"):
        plain_key(tmp_path / "nowhere")
