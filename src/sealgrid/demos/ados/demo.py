"""The sensor data demo: a model is sold per use, a day is scored in shards on three workers, a feed gets the rounds."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

import msgspec

from sealgrid.ados.generate import GeneratedFile
from sealgrid.ados.sharded_scores import ShardedJob, ShardedPurchase, ShardedScores, score_in_shards, write_scores
from sealgrid.ados.signing import SigningTerms, join_files, sign_readings
from sealgrid.crypto.signing import SigningKey
from sealgrid.demos.ados.day import scored_day
from sealgrid.demos.ados.page import page_of
from sealgrid.demos.ados.picture import draw_day
from sealgrid.demos.ados.report import AdosReport, StationRound
from sealgrid.demos.common.more_workers import more_workers
from sealgrid.demos.common.steps import DemoSteps
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.client import AsyncClient, connect_async
from sealgrid.sdk.resources.feeds import FeedState
from sealgrid.sdk.resources.runs import AsyncRun
from sealgrid.shipped_apps.ados.quality.file_reader import read_file
from sealgrid.shipped_apps.ados.quality.graph import graph_of
from sealgrid.shipped_apps.ados.quality.grid import to_grid
from sealgrid.shipped_apps.ados.quality.model import AdosModel
from sealgrid.shipped_apps.ados.quality.model_file import read_model
from sealgrid.shipped_apps.ados.quality.score import score
from sealgrid.units import Address

APP_PRICE, MODEL_PRICE = "0.1", "0.5"
SHARDS = 3
PEOPLE = ("developer", "owner", "requester")
WINDOW_ROWS = 36  #: of a round: six hours


@dataclass(frozen=True, slots=True)
class AdosDemo:
    """The demo on one network."""

    steps: DemoSteps
    model: bytes = field(repr=False)

    async def run(self, day: GeneratedFile) -> AdosReport:
        """Run the demo on readings of a day and return its report."""
        steps, watch, model = self.steps, self.steps.watch, read_model(self.model)
        network = steps.network
        async with AsyncExitStack() as stack:
            people = [connect_async(name, network=network, data=network.folder) for name in PEOPLE]
            developer, owner, requester = [await stack.enter_async_context(each) for each in people]
            with watch.stage("deploy the app and publish the model"):
                app = await developer.apps.deploy("ados", price=APP_PRICE)
                path = steps.write("stations.onnx", self.model)
                name = "stations (demo)"
                sold = await owner.models.publish(path, app=app, price=MODEL_PRICE, name=name, callback=True)
            steps.on_step(f"the owner encrypted its model and sells its use for {MODEL_PRICE} RLC: {sold.address}")
            with watch.stage("start two more workers"):
                await stack.enter_async_context(more_workers(network))
            readings = steps.write("day.csv", day.readings)
            job = ShardedJob(readings, graph_of(model), SHARDS)
            steps.on_step(f"the requester seals {SHARDS} shards of the day, each for its own task")
            with watch.stage("score the day in shards"):
                found = await score_in_shards(requester, job, ShardedPurchase(app, sold))
            steps.on_step(f"{len(found.tasks)} tasks computed the shards, for {found.price}")
            scores = steps.folder / "scores"
            write_scores(found, scores)
            with watch.stage("feed the contract"):
                state, runs = await self._feed(owner, requester, app.address, sold.address, day)
            with watch.stage("verify the receipts"):
                receipts = [*(requester.reopen(task).receipt for task in found.tasks), *(run.receipt for run in runs)]
                held = [(await each.verify()).ok for each in receipts]
                bodies = [parse_envelope(await each.content()) for each in receipts[: len(found.tasks)]]
        rounds = tuple(
            StationRound(each.sensor, each.station, last.start, last.end, last.dqf, last.reason, last.task)
            for each in state.stations
            if (last := each.latest) is not None
        )
        scored = scored_day(day, found.frame, found.scores, rounds)
        png = draw_day(scored)
        alarms, faulty = scored.alarms(), scored.faults != ""
        equal = await asyncio.to_thread(self._equals_whole, model, found, day)
        return AdosReport(
            ok=equal and all(held) and len(rounds) == len(model.sensors),
            stations=len(model.sensors),
            readings=alarms.size,
            faulty=int(faulty.sum()),
            found=int((alarms & faulty).sum()),
            false_alarms=int((alarms & ~faulty).sum()),
            found_by_fault=scored.found_by_fault(),
            shard_tasks=found.tasks,
            workers=tuple(sorted({each.receipt.body.worker for each in bodies})),
            merged_equals_whole=equal,
            receipts_hold=sum(held),
            receipts=len(held),
            feed=state.feed,
            rounds=rounds,
            seconds=watch.seconds,
            scores=str(scores),
            picture=str(steps.write("day.png", png)),
            page=str(steps.write("day.html", page_of(scored, png, state.feed).encode())),
        )

    async def _feed(
        self, owner: AsyncClient, requester: AsyncClient, app: Address, model: Address, day: GeneratedFile
    ) -> tuple[FeedState, Sequence[AsyncRun]]:
        """Deploy a feed, let each station sign its readings, and buy a task for each; return feed and runs."""
        steps, interval = self.steps, read_model(self.model).interval
        sensors = read_model(self.model).sensors
        feed = await owner.feeds.deploy(app, model, window=WINDOW_ROWS * interval, requester=requester.account.address)
        keys = {sensor: SigningKey.generate() for sensor in sensors}
        for sensor, key in keys.items():
            await owner.feeds.register(feed, key.address, sensor)
        roster = msgspec.to_builtins((await owner.feeds.show(feed)).roster)
        steps.on_step(f"the owner deployed the feed {feed} and registered {len(keys)} stations")
        terms = {sensor: SigningTerms(sensor, interval, WINDOW_ROWS) for sensor in sensors}
        signed = [await asyncio.to_thread(sign_readings, day.readings, keys[each], terms[each]) for each in sensors]
        joined = await asyncio.to_thread(join_files, signed, roster)
        steps.on_step("each station signed its readings; the requester buys a task for each round")
        first = await requester.run(
            app,
            model=model,
            files=[("day.json", joined)],
            args=["--window", str(WINDOW_ROWS)],
            callback=feed,
            tasks=len(sensors),
        )
        await asyncio.gather(*(each.result() for each in first.tasks))
        return await owner.feeds.show(feed), first.tasks

    def _equals_whole(self, model: AdosModel, found: ShardedScores, day: GeneratedFile) -> bool:
        """Return whether the merged files have the bytes of the day scored here, in one piece."""
        gridded = to_grid(read_file(day.readings), model.sensors, model.interval)
        alone = self.steps.folder / "scored-here"
        write_scores(replace(found, frame=gridded.frame, scores=score(model, gridded.readings)), alone)
        merged = self.steps.folder / "scores"
        return all((alone / each.name).read_bytes() == each.read_bytes() for each in merged.iterdir())
