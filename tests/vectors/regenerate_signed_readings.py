"""Write signed_readings.json anew: ``python -m tests.vectors.regenerate_signed_readings``. The key in it is public."""

import json
from pathlib import Path
from typing import Any

from sealgrid.ados.signing import SigningTerms, join_files, sign_readings
from sealgrid.crypto.signing import SigningKey
from sealgrid.shipped_apps.ados.quality.feed_round import FeedRound, TaskOfDeal
from sealgrid.shipped_apps.ados.quality.file_reader import read_file
from sealgrid.shipped_apps.ados.quality.signed_file import read_signed

FILE = Path(__file__).with_name("signed_readings.json")
STATION = SigningKey.from_bytes(bytes(range(1, 33)))
READINGS = (
    b"time,sensor,value,received\n1772064000,north,51.25,1772064003.5\n1772064600,north,,\n1772065200,north,-3.1,\n"
)
TASK, DQF, REASON = TaskOfDeal(bytes(range(0x40, 0x60)), 7), 33, 5


def vectors() -> dict[str, Any]:
    roster = {
        "chain": 31337,
        "feed": "0x" + "fe" * 20,
        "stations": [
            {"sensor": "north", "station": "0x" + "01" * 20},
            {"sensor": "south", "station": "0x" + "02" * 20},
            {"sensor": "north", "station": STATION.address},
        ],
    }
    content = join_files([sign_readings(READINGS, STATION, SigningTerms("north", 600))], roster)
    verified = read_signed(content, read_file(content))
    assert verified is not None
    [statement] = verified.windows
    reported = FeedRound(statement, bytes.fromhex(STATION.address[2:]), verified.roster.digest(), DQF, REASON)
    return {
        "station": {"secret": STATION.secret.hex(), "address": STATION.address},
        "file": json.loads(content),
        "readings": statement.readings.hex(),
        "signed": statement.digest().hex(),
        "roster": verified.roster.digest().hex(),
        "round": {"deal": TASK.deal.hex(), "index": TASK.index, "dqf": DQF, "reason": REASON},
        "callback": reported.callback_data(TASK).hex(),
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), indent=1) + "\n")
