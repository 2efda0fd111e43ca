"""One job never ends its worker."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from sealgrid.crypto.digests import sha256
from sealgrid.errors import HostFailed
from sealgrid.units import to_address, to_digest
from sealgrid.wire.platform import LaunchRequest
from sealgrid.wire.pool import JobAssignment
from sealgrid.worker.runner import MAX_CACHED, capabilities_of, run_job
from tests.unit.worker.job_scene import BUNDLE_BYTES, JOB, Pool, Source, context


async def test_an_unforeseen_exception_of_one_job_is_reported_by_its_type_and_ends_nothing(tmp_path: Path) -> None:
    pool = Pool()
    await run_job(JOB, context(tmp_path, Source(IndexError("/home/secret")), pool))
    assert pool.reports == [("failed", "an unexpected IndexError on this machine")]


async def test_after_a_failed_job_a_cached_file_that_the_disk_altered_is_removed(tmp_path: Path) -> None:
    class Chain:
        async def find_match(self, job: JobAssignment) -> None:
            return None

    class Platform:
        async def launch(self, request: LaunchRequest) -> None:
            raise HostFailed("the bundle differs from its manifest.")

    network = SimpleNamespace(chain=1, hub="", broker="", vaults=(), threshold=2)
    config = SimpleNamespace(network=network, folder=tmp_path)
    scene = context(tmp_path, Source(), Pool())
    scene = replace(scene, config=config, chain=Chain(), platform=Platform())  # type: ignore[arg-type]
    bundle = to_digest(sha256(BUNDLE_BYTES))
    await run_job(JOB, scene)
    assert scene.cache.holds(bundle)
    scene.cache.path(bundle).write_bytes(b"altered")
    await run_job(JOB, scene)
    assert not scene.cache.holds(bundle)


def test_a_worker_says_what_it_takes_and_which_files_it_used_last(tmp_path: Path) -> None:
    scene = context(tmp_path, Source(), Pool())
    app, requester = to_address(b"\x01" * 20), to_address(b"\x02" * 20)
    config = SimpleNamespace(memory=7, apps=(app,), requesters=(requester,), account=None)
    scene = replace(scene, config=config)  # type: ignore[arg-type]
    for number in range(MAX_CACHED + 2):
        file = scene.cache.begin()
        file.write(bytes([number]))
        os.utime(scene.cache.path(file.store()), (number, number))
    said = capabilities_of(scene)
    assert (said.memory, said.apps, said.requesters, said.enclaves_only) == (7, (app,), (requester,), False)
    assert said.cached == tuple(to_digest(sha256(bytes([number]))) for number in range(MAX_CACHED + 1, 1, -1))


def test_a_worker_of_an_account_takes_no_job_that_would_stake_its_money(tmp_path: Path) -> None:
    scene = context(tmp_path, Source(), Pool())
    config = SimpleNamespace(memory=7, apps=(), requesters=(), account=to_address(b"\x03" * 20))
    assert capabilities_of(replace(scene, config=config)).enclaves_only  # type: ignore[arg-type]
