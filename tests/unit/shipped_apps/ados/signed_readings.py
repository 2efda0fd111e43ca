"""Readings of drawn stations that keys of this test signed, and the roster of a feed with these keys."""

import csv
import io
import json

from sealgrid.ados.generate import generate
from sealgrid.ados.signing import SigningTerms, join_files, sign_readings
from sealgrid.crypto.signing import SigningKey

FEED, CHAIN = "0x" + "fe" * 20, 31337
DAY = generate(1, 1, faults=True).readings
SENSORS = tuple(f"station-{number:03}" for number in range(1, 6))  #: of twenty
WINDOW, MIDNIGHT = 3600, 1_772_064_000


def key(number):
    return SigningKey.from_bytes(bytes([0x40 + number]) * 32)


def roster(sensors=SENSORS, keys=None):
    entries = zip(sensors, keys or (key(number) for number in range(len(sensors))), strict=True)
    stations = [{"sensor": sensor, "station": each.address} for sensor, each in entries]
    return {"chain": CHAIN, "feed": FEED, "stations": stations}


def signed(sensor, signer=None, content=DAY, **terms):
    own = signer or key(SENSORS.index(sensor))
    return sign_readings(content, own, SigningTerms(sensor, **{"interval": 600} | terms))


def joined(sensors=SENSORS):
    return join_files([signed(sensor) for sensor in sensors], roster())


def changed(content, change):
    """Return a file after ``change`` of its document."""
    document = json.loads(content)
    change(document)
    return json.dumps(document).encode()


def cells(table):
    return list(csv.DictReader(io.StringIO(table.decode())))
