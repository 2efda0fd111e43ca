"""Published signed readings and callback data, checked by arithmetic written out here from docs/protocol/feed.md."""

import hashlib
import json
import struct
from pathlib import Path

from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from tests.vectors.regenerate_signed_readings import vectors

VECTORS = json.loads(Path(__file__).with_name("signed_readings.json").read_text())
FILE = VECTORS["file"]
[SIGNATURE] = FILE["signatures"]
NAMES = ("sensor", "interval", "start", "end")


def millionths(number):
    return -(2**63) if number is None else round(number * 1_000_000)


def test_the_project_still_makes_them():
    assert vectors() == VECTORS


def test_the_digest_of_the_readings():
    rows = [
        struct.pack(">3q", *(millionths(each[name]) for name in ("time", "value", "received")))
        for each in FILE["readings"]
    ]
    assert hashlib.sha256(b"".join(rows)).hexdigest() == VECTORS["readings"]


def test_the_station_signed_the_window():
    fields = [("sensor", "string"), ("interval", "uint64"), ("start", "uint64"), ("end", "uint64")]
    types = [{"name": name, "type": kind} for name, kind in (*fields, ("readings", "bytes32"))]
    message = encode_typed_data(
        {"name": "Sealgrid readings", "version": "1"},
        {"SignedWindow": types},
        {name: SIGNATURE[name] for name in NAMES} | {"readings": bytes.fromhex(VECTORS["readings"])},
    )
    assert Account.recover_message(message, signature=SIGNATURE["signature"]).lower() == VECTORS["station"]["address"]
    assert keccak(b"\x19\x01" + message.header + message.body).hex() == VECTORS["signed"]


def test_the_digest_of_the_roster():
    roster = FILE["roster"]
    digest = keccak(encode(["uint256", "address"], [roster["chain"], roster["feed"]]))
    for each in roster["stations"]:
        digest = keccak(
            encode(["bytes32", "bytes32", "address"], [digest, keccak(text=each["sensor"]), each["station"]])
        )
    assert digest.hex() == VECTORS["roster"]


def test_the_callback_data():
    told = VECTORS["round"]
    window = SIGNATURE["start"] // (SIGNATURE["end"] - SIGNATURE["start"])
    word = 1
    for value, bits in (
        (told["index"], 32),
        (int(VECTORS["station"]["address"], 16), 160),
        (window, 40),
        (told["dqf"], 8),
        (told["reason"], 8),
    ):
        word = word << bits | value
    assert VECTORS["callback"] == told["deal"] + VECTORS["signed"] + VECTORS["roster"] + f"{word:064x}"
