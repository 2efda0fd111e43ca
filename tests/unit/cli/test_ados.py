"""``sealgrid ados``: draws readings here, and starts the environment of PyTorch for the rest."""

import asyncio
import csv
import importlib.util
import json

import pytest

from sealgrid.ados.api.keys import ApiKeyFolder
from sealgrid.errors import InputRefused
from sealgrid.shipped_apps.ados.quality.file_reader import read_file
from sealgrid.shipped_apps.ados.quality.signed_file import read_signed
from tests.unit.cli.cli_runner import run_cli
from tests.unit.shipped_apps.app_process import APPS


@pytest.fixture
def ados(tmp_path):
    def run(*words):
        return run_cli("ados", *words, home=tmp_path / "home", folder=tmp_path)

    return run


def test_drawn_readings_can_be_read_and_their_faults_lie_beside(ados, tmp_path):
    ended = ados("generate", "--out", "day.csv", "--days", "1", "--stations", "4", "--faults")
    assert (ended.code, ended.out.strip()) == (0, "wrote day.csv and day.labels.csv")
    assert sorted(read_file((tmp_path / "day.csv").read_bytes()).sensors) == [f"station-00{n}" for n in range(1, 5)]
    labels = list(csv.DictReader((tmp_path / "day.labels.csv").read_text().splitlines()))
    assert 20 < len(labels) < 120


def test_a_place_that_cannot_be_written_is_named(ados):
    ended = ados("generate", "--out", "absent/day.csv", "--days", "1")
    assert ended.code != 0
    assert "absent/day.csv cannot be written" in ended.err


def test_without_pytorch_the_command_says_how_to_get_it(ados, monkeypatch, tmp_path):
    monkeypatch.setenv("SEALGRID_CACHE", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    ended = ados("train", "day.csv", "--out", "trained")
    assert ended.code != 0
    assert "PyTorch is not installed; run `make setup-ados`" in ended.err


def test_readings_are_signed_and_joined_for_a_feed(ados, tmp_path):
    assert ados("generate", "--out", "day.csv", "--days", "1", "--stations", "2").code == 0
    (tmp_path / "key").write_text("51" * 32)
    signed = ados("sign", "day.csv", "--sensor", "station-001", "--key", "key", "--out", "signed.json")
    assert signed.code == 0, signed.err
    address = signed.out.split()[-1]
    roster = {"chain": 1, "feed": "0x" + "fe" * 20, "stations": [{"sensor": "station-001", "station": address}]}
    (tmp_path / "roster.json").write_text(json.dumps(roster))
    assert ados("join", "signed.json", "--roster", "roster.json", "--out", "joined.json").code == 0
    content = (tmp_path / "joined.json").read_bytes()
    assert len(read_signed(content, read_file(content)).windows) == 24


def test_the_graph_of_a_model_is_written_without_its_weights(ados, tmp_path):
    ended = ados("graph", str(APPS / "ados" / "stations.onnx"), "--out", "graph.json")
    assert ended.code == 0, ended.err
    assert set(json.loads((tmp_path / "graph.json").read_bytes())) == {"schema", "interval", "sensors", "neighbours"}
    (tmp_path / "day.csv").write_text("time,a\n1772064000,1\n")
    for words in (("graph", "day.csv", "--out", "x"), ("graph", "absent", "--out", "x")):
        assert ados(*words).code == InputRefused.exit_code


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("join", "day.csv", "--roster", "roster.json"), "file 1 has no signatures"),
        (("join", "day.csv", "--roster", "day.csv"), "day.csv is not valid JSON"),
        (("join", "absent", "--roster", "roster.json"), "absent cannot be read"),
        (("sign", "roster.json", "--sensor", "a", "--key", "key"), "not a list of readings"),
        (("sign", "day.csv", "--sensor", "b", "--key", "key"), "no readings of 'b'"),
    ],
    ids=range(5),
)
def test_what_cannot_be_signed_or_joined_is_refused_in_one_line(ados, tmp_path, words, reason):
    (tmp_path / "day.csv").write_text("time,a\n1772064000,1\n1772064600,2\n")
    (tmp_path / "roster.json").write_text("{}")
    (tmp_path / "key").write_text("51" * 32)
    ended = ados(*words, "--out", "out.json")
    assert ended.code != 0
    assert reason in ended.err
    assert not (tmp_path / "out.json").exists()


WATCH = ("watch", "day.csv", "--model", "m", "--journal", "j", "--interval", "600")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((*WATCH, "--since", "yesterday"), "is not a time"),
        ((*WATCH, "--max-price", "much"), "is not a valid amount"),
        ((*WATCH, "--broker-password-file", "absent"), "the password file absent cannot be read"),
    ],
    ids=range(3),
)
def test_a_watch_says_what_is_wrong_with_its_options(ados, monkeypatch, words, reason):
    monkeypatch.setattr("sealgrid.cli.session.run_as", lambda choice, data, work: asyncio.run(work(None)))
    ended = ados(*words)
    assert ended.code != 0
    assert reason in ended.err


@pytest.mark.parametrize(("is_good", "code"), [(True, 0), (False, 1)])
def test_a_watch_exits_with_1_if_a_window_failed(ados, monkeypatch, is_good, code):
    async def follow(client, options, *, clock, report):
        return is_good

    monkeypatch.setattr("sealgrid.cli.session.run_as", lambda choice, data, work: asyncio.run(work(None)))
    monkeypatch.setattr("sealgrid.ados.watch.assembly.watch", follow)
    assert ados(*WATCH, "--once").code == code


def test_keys_of_the_api_are_made_listed_limited_and_revoked_and_stay_out_of_the_output(ados, tmp_path):
    assert ados("serve", "init", "api.toml").code == 0
    again = ados("serve", "init", "api.toml")
    assert "api.toml exists" in again.err
    made = ados("serve", "key", "new", "api.toml", "acme", "--out", "acme.key", "--spending", "2")
    token = (tmp_path / "acme.key").read_text().strip()
    assert made.out == "wrote acme.key\n"
    assert (tmp_path / "acme.key").stat().st_mode & 0o077 == 0
    assert ados("serve", "key", "limit", "api.toml", "acme", "--requests", "5").code == 0
    listed = ados("serve", "key", "list", "api.toml")
    assert listed.out == "acme  5 requests an hour, 2 RLC\n"
    folder = tmp_path / "ados-api" / "keys"
    assert ApiKeyFolder(folder).authenticate(f"Bearer {token}").requests_per_hour == 5
    taken = ados("serve", "key", "new", "api.toml", "other", "--out", "acme.key")
    assert "acme.key exists" in taken.err
    assert ados("serve", "key", "revoke", "api.toml", "acme").code == 0
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("text", ["port = 'x'", "unknown = 1", "["], ids=range(3))
def test_settings_of_the_api_that_are_not_valid_are_refused(ados, tmp_path, text):
    (tmp_path / "api.toml").write_text(text)
    ended = ados("serve", "key", "list", "api.toml")
    assert ended.code != 0
    assert "does not describe the API of ADOS" in ended.err
