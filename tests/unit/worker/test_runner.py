"""One job never ends its worker."""

from pathlib import Path

from sealgrid.worker.runner import run_job
from tests.unit.worker.job_scene import JOB, Pool, Source, context


async def test_an_unforeseen_exception_of_one_job_is_reported_by_its_type_and_ends_nothing(tmp_path: Path) -> None:
    pool = Pool()
    await run_job(JOB, context(tmp_path, Source(IndexError("/home/secret")), pool))
    assert pool.reports == [("failed", "an unexpected IndexError on this machine")]
