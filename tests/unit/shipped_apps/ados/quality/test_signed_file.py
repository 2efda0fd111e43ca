"""Signed readings: (signed.1) to (signed.3), what a station signs, and that nothing else counts."""

import json

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.crypto.digests import keccak256
from sealgrid.errors import InputRefused
from sealgrid.sdk.operations.readings_checks import check_file_of_readings
from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
from sealgrid.shipped_apps.ados.quality.file_reader import read_file
from sealgrid.shipped_apps.ados.quality.signatures import Registration, Roster, WindowStatement, signer
from sealgrid.shipped_apps.ados.quality.signed_file import read_signed
from tests.unit.shipped_apps.ados.signed_readings import CHAIN, FEED, SENSORS, changed, joined, key, roster, signed

GOOD = joined()


def verified(content):
    return read_signed(content, read_file(content))


def test_each_window_of_each_station_is_verified():
    found = verified(GOOD)
    assert len(found.windows) == len(SENSORS) * 24
    assert set(found.messages.sensors) == set(SENSORS)
    assert found.unsigned == 0


def test_the_encoding_of_the_file_does_not_matter():
    assert verified(GOOD.decode().encode("utf-16")).roster == verified(GOOD).roster


def test_a_statement_is_eip_712():
    statement = WindowStatement("station-001", 600, 1_772_064_000, 1_772_067_600, b"\x05" * 32)
    fields = [("sensor", "string"), ("interval", "uint64"), ("start", "uint64"), ("end", "uint64")]
    types = [{"name": name, "type": kind} for name, kind in (*fields, ("readings", "bytes32"))]
    message = encode_typed_data(
        {"name": "Sealgrid readings", "version": "1"},
        {"SignedWindow": types},
        {name: getattr(statement, name) for name in ("sensor", "interval", "start", "end", "readings")},
    )
    ours = key(1).sign(statement.digest())
    assert Account.sign_message(message, key(1).secret).signature == ours
    assert "0x" + signer(statement.digest(), ours).hex() == key(1).address


def test_a_rosters_digest_is_the_contracts():
    """tests/contracts/test_data_feed.py computes the contract's in the same way."""
    digest = keccak256(CHAIN.to_bytes(32, "big"), bytes(12), bytes.fromhex(FEED[2:]))
    registrations = []
    for entry in roster()["stations"]:
        station = bytes.fromhex(entry["station"][2:])
        digest = keccak256(digest, keccak256(entry["sensor"].encode()), bytes(12), station)
        registrations.append(Registration(entry["sensor"], station))
    assert Roster(CHAIN, bytes.fromhex(FEED[2:]), tuple(registrations)).digest() == digest
    assert verified(GOOD).roster.digest() == digest


def test_signed_1_a_file_without_a_roster_is_not_verified():
    assert verified(changed(GOOD, lambda document: document.pop("roster"))) is None
    assert read_signed(b"time,a\n1,2\n", read_file(b"time,a\n1,2\n")) is None


def first_of(document, sensor):
    return next(each for each in document["readings"] if each["sensor"] == sensor)


def invent(document):
    document["readings"].append({"time": 1_772_064_123, "sensor": SENSORS[0], "value": 50.0, "received": None})


def leave_out(document):
    document["readings"].remove(first_of(document, SENSORS[0]))


def swap(document):
    one, other = [each for each in document["readings"] if each["sensor"] == SENSORS[0]][:2]
    one["value"], other["value"] = other["value"], one["value"]


def give_to_another(document):
    document["signatures"][0]["sensor"] = SENSORS[1]
    document["signatures"][:] = [
        each
        for number, each in enumerate(document["signatures"])
        if number == 0 or (each["sensor"], each["start"]) != (SENSORS[1], document["signatures"][0]["start"])
    ]


def unregister(document):
    document["roster"]["stations"].pop(0)


def replace_key(document):
    document["roster"]["stations"].append({"sensor": SENSORS[0], "station": key(9).address})


def flip(document):
    own = document["signatures"][0]
    own["signature"] = own["signature"][:-2] + "00"


@pytest.mark.parametrize(
    "change",
    [
        lambda document: first_of(document, SENSORS[0]).update(value=50.5),
        lambda document: first_of(document, SENSORS[0]).update(received=1_772_064_001),
        invent,
        leave_out,
        swap,
        give_to_another,
        unregister,
        replace_key,
        flip,
        lambda document: document["signatures"][0].update(signature="0x" + "11" * 64),
    ],
    ids=[
        "value",
        "arrival",
        "invented",
        "left out",
        "order",
        "another sensor",
        "unregistered",
        "key replaced",
        "v",
        "length",
    ],
)
def test_signed_3_readings_that_their_station_did_not_sign_are_refused(change):
    with pytest.raises(ReadingsRefused, match="was not signed by its station"):
        verified(changed(GOOD, change))
    with pytest.raises(InputRefused, match="was not signed by its station"):
        check_file_of_readings("day.json", changed(GOOD, change))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda document: document["signatures"].append(document["signatures"][0]), "signed twice"),
        (lambda document: document["signatures"][0].update(start=1), "whole intervals"),
        (lambda document: document["signatures"][0].update(interval=0), "whole intervals"),
        (lambda document: document["signatures"][0].update(end=0), "whole intervals"),
        (lambda document: document["signatures"][0].pop("sensor"), "signature 1 has no sensor"),
        (lambda document: document["signatures"][0].update(signature="0xzz"), "signature 1 has no"),
        (lambda document: document["signatures"][0].update(sensor="\ud800"), "signature 1 has no"),
        (lambda document: document["signatures"][0].update(start=-600), "signature 1 has no"),
        (lambda document: document["signatures"][0].update(start=2**70), "signature 1 has no"),
        (lambda document: document["signatures"].__setitem__(0, 7), "signature 1 has no"),
        (lambda document: document.pop("signatures"), "no list of signatures"),
        (lambda document: document.update(signatures=[]), "no signed reading"),
        (lambda document: document["roster"].pop("feed"), "roster has no chain"),
        (lambda document: document["roster"].update(chain="1"), "roster has no chain"),
        (lambda document: document["roster"].update(feed="0x12"), "roster has no chain"),
        (lambda document: document.update(roster=[]), "roster has no chain"),
        (lambda document: document["roster"].update(stations={}), "no list of stations"),
        (lambda document: document["roster"]["stations"].append({"sensor": ""}), "roster has no chain"),
    ],
    ids=range(18),
)
def test_signed_1_and_2_damaged_signatures_and_rosters_are_refused(change, reason):
    with pytest.raises(ReadingsRefused, match=reason):
        verified(changed(GOOD, change))


def test_readings_that_nobody_signed_do_not_count():
    def drop_a_signature(document):
        document["signatures"].pop(0)
        document["readings"].append({"time": 1_772_064_000, "sensor": "station-020", "value": 1, "received": None})

    found = verified(changed(GOOD, drop_a_signature))
    lost = sum(
        1 for each in json.loads(GOOD)["readings"] if each["sensor"] == SENSORS[0] and each["time"] < 1_772_067_300
    )
    assert found.unsigned == lost + 1
    assert len(found.messages.times) == len(json.loads(GOOD)["readings"]) - lost


def test_a_station_signs_that_it_measured_nothing():
    gap = b"time,station-001\n1772064000,50\n1772074800,51\n"
    document = json.loads(signed("station-001", content=gap))
    assert [each["start"] for each in document["signatures"]] == [1_772_064_000 + 3600 * n for n in range(4)]


def test_a_file_without_the_sensor_is_not_signed():
    with pytest.raises(InputRefused, match="no readings of 'station-999'"):
        signed("station-999", signer=key(1))


@given(st.binary(min_size=0, max_size=70))
def test_no_bytes_stop_the_recovery_of_a_signer(signature):
    assert signer(b"\x01" * 32, signature) is None or len(signature) == 65
