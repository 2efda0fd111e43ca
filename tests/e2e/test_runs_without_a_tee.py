"""A developer offers an app without a TEE, and a requester buys runs of it that two workers compute alike."""

import json
from pathlib import Path

import pytest

from sealgrid.chain.accounts import development_key
from tests.e2e.running_network import started
from tests.e2e.shell import Shell

pytestmark = pytest.mark.localnet


def test_an_app_is_checked_offered_and_run_without_a_tee_by_the_commands(localnet, tmp_path: Path):
    shell = Shell(tmp_path, localnet.layout.root)
    (tmp_path / "letter.txt").write_text("Sealed grid sealed\n")
    (tmp_path / "letters").mkdir()
    for name in ("a", "b"):
        (tmp_path / "letters" / f"{name}.txt").write_text(f"{name} {name} grid\n")
    shell.output("app", "new", "public-words")
    shell.output("pool", "offer", "--price", "0.2", "--tasks", "3", "--trust", "3")
    deployed = shell("app", "deploy", "public-words", "--price", "0.1", "--no-tee", "--file", "letter.txt")
    assert (deployed.code, "everyone can read their input and result" in deployed.err) == (0, True)
    worker = development_key("worker3").address
    assert f"worker {worker} has " in shell.output("worker", "deposit", worker, "0.5")
    app, words = deployed.out.split()[0], ("--no-tee", "--trust", "3", "--file", "letter.txt", "--out", "answer")
    with started("worker", "run", "worker2", "--home", localnet.layout.root, until=b"requests jobs"):
        bought = shell("run", app, *words)
        quoted = shell.output("run", app, "--no-tee", "--map", "letters", "--quote")
        bag = shell("run", app, "--no-tee", "--map", "letters", "--out", "answers")
    assert ("tasks      2, each" in quoted, "trust      3" in quoted) == (True, True)
    assert (bag.code, "2 of 2 results" in bag.out) == (0, True)
    counts = [json.loads((tmp_path / f"answers/shard-0000{n}/result/result.json").read_text()) for n in (0, 1)]
    assert counts == [{"a": 2, "grid": 1}, {"b": 2, "grid": 1}]
    assert (bought.code, "input and the result of this run are PUBLIC" in " ".join(bought.err.split())) == (0, True)
    assert json.loads((tmp_path / "answer/result/result.json").read_text()) == {"sealed": 2, "grid": 1}
