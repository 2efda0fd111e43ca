"""The how-to's job in shards, on a network: the merged files are those of the app on the whole file."""

import asyncio
import json
import re
from pathlib import Path

import pytest

import sealgrid
from sealgrid.ados.generate import generate
from sealgrid.shipped_apps.ados.quality.file_reader import read_file
from sealgrid.shipped_apps.ados.quality.grid import to_grid
from sealgrid.shipped_apps.ados.quality.model_file import read_model
from sealgrid.shipped_apps.ados.quality.report import table_header, table_rows
from sealgrid.shipped_apps.ados.quality.score import score
from tests.unit.cli.cli_runner import run_cli

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/howto/score-sensor-data.md").read_text()
MODEL = ROOT / "src/sealgrid/shipped_apps/ados/stations.onnx"

pytestmark = [pytest.mark.localnet, pytest.mark.filterwarnings("ignore::sealgrid.SimulatedPlatformWarning")]


@pytest.mark.long
async def test_three_shards_of_a_day_are_merged_to_the_scores_of_the_whole(localnet, tmp_path):
    home = localnet.layout.root
    async with sealgrid.connect_async("developer", data=home) as developer:
        app = await developer.apps.deploy("ados")
    async with sealgrid.connect_async("owner", data=home) as owner:
        await owner.models.publish(MODEL, app=app, price="0.5", name="sharded stations")
    day = generate(1, 1, faults=True).readings
    (tmp_path / "day.csv").write_bytes(day)
    values = {"trained/model.onnx": str(MODEL), "stations": "sharded stations"}
    (block,) = (each for each in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if "ados score" in each)
    for line in block.splitlines():
        words = [values.get(word, word) for word in line.partition("#")[0].split()[1:]]
        words += ["--app", app.address] * ("score" in words)  # other tests deploy an app of this name, too
        ended = await asyncio.to_thread(run_cli, *words, home=home, folder=tmp_path)
        assert ended.code == 0, ended.err
    assert "3 shards for" in ended.err
    again = await asyncio.to_thread(run_cli, *words, home=home, folder=tmp_path)  # the key buys nothing twice
    assert re.findall("bags: .*", again.err) == re.findall("bags: .*", ended.err)
    model = read_model(MODEL.read_bytes())
    whole = to_grid(read_file(day), model.sensors, model.interval)
    dqf = score(model, whole.readings).dqf
    assert (tmp_path / "scored/dqf.csv").read_text() == table_header(model.sensors) + table_rows(whole.frame, 0, dqf)
    result = json.loads((tmp_path / "scored/result.json").read_bytes())
    assert [each["faulty"] for each in result["sensors"]] == (dqf <= 50).sum(axis=0).tolist()
