"""Signatures of a stream against a feed's roster, which is read anew for stations that it does not have."""

import json

from sealgrid.ados.signing import SigningTerms, sign_readings
from sealgrid.ados.watch import verified_records
from sealgrid.ados.watch.schedule import ScheduleTerms
from sealgrid.ados.watch.stream import read_record
from sealgrid.ados.watch.verified_records import ROSTER_SECONDS, RecordVerifier
from sealgrid.crypto.signing import SigningKey

TERMS = ScheduleTerms(interval=600, rows=6, before=0, after=0, grace=0, signed=True)
KEYS = {sensor: SigningKey.from_bytes(bytes([5]) * 31 + sensor.encode()) for sensor in ("a", "b")}


class Feed:
    """A feed whose owner registers stations; counts how often its roster is read."""

    def __init__(self, *sensors):
        self.sensors, self.reads, self.now = list(sensors), 0, 1e9
        self.verifier = RecordVerifier(TERMS, self.roster, lambda: self.now)

    async def roster(self):
        self.reads += 1
        stations = [{"sensor": each, "station": KEYS[each].address} for each in self.sensors]
        return {"chain": 1, "feed": "0x" + "fe" * 20, "stations": stations}

    async def held(self, *lines):
        records = await self.verifier.verify([read_record(line, "", n) for n, line in enumerate(lines)])
        return [[(each.sensor, each.start) for each in record.signatures] for record in records]


def signed(sensor, key=None):
    content = "time,sensor,value\n" + "".join(f"{600 * row},{sensor},1\n" for row in range(12))
    return sign_readings(content.encode(), key or KEYS[sensor], SigningTerms(sensor, 600, 6)).strip()


async def test_signatures_of_stations_are_kept_and_those_of_others_are_left_out():
    feed = Feed("a", "b")
    forged, changed = signed("a", KEYS["b"]), signed("b").replace(b'"value":1.0', b'"value":2.0', 1)
    plain = b'{"time": 0, "sensor": "a", "value": 1}'
    kept = await feed.held(forged, signed("a"), changed, plain)
    assert kept == [[], [("a", 0), ("a", 3600)], [("b", 3600)], []]


async def test_the_roster_is_read_anew_for_a_new_station_and_not_for_each_forged_line():
    feed = Feed("a")
    assert await feed.held(signed("a")) == [[("a", 0), ("a", 3600)]]
    assert await feed.held(*[signed("b")] * 5) == [[]] * 5
    assert feed.reads == 1
    feed.sensors.append("b")
    feed.now += ROSTER_SECONDS
    assert await feed.held(signed("b")) == [[("b", 0), ("b", 3600)]]
    assert feed.reads == 2


async def test_of_many_signatures_of_one_window_in_a_line_one_is_tried(monkeypatch):
    tried = []
    monkeypatch.setattr(verified_records, "is_signed", lambda each, readings, roster: tried.append(each) or False)
    document = json.loads(signed("a"))
    document["signatures"] = [document["signatures"][0]] * 1000
    assert await Feed("a").held(json.dumps(document).encode()) == [[]]
    assert len(tried) == 2  # before and after the roster was read
