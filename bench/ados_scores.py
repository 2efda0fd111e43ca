"""Child process that scores readings with the app's own code, without enclaves: ``… MODE WORKERS FOLDER``.

FOLDER has ``model.onnx`` and the files of shards. MODE is ``whole`` (``whole.json``, one shard of everything, in this
process), ``processes`` (of ``multiprocessing``) or ``dask`` (``dask.distributed`` with processes of one thread; it
needs the package). Shards are of rows. It prints seconds, the peak memory of one process in bytes, and a digest of
the scores.
"""

import functools
import hashlib
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

APP = Path(__file__).resolve().parents[1] / "src/sealgrid/shipped_apps/ados"
Score = Callable[[str], tuple[bytes, bytes, int]]


def score_file(folder: str, name: str) -> tuple[bytes, bytes, int]:
    """Return the DQFs and reasons of a shard's file as bytes, and this process's peak memory."""
    if str(APP) not in sys.path:
        sys.path.insert(0, str(APP))
    from quality.graph import graph_of  # noqa: PLC0415  the app's own package, in every process
    from quality.model_file import read_model  # noqa: PLC0415
    from quality.shard_file import read_shard  # noqa: PLC0415
    from quality.shards import score_shard  # noqa: PLC0415

    model = read_model(Path(folder, "model.onnx").read_bytes())
    file = read_shard(Path(folder, name).read_bytes())
    scores = score_shard(model, file.readings(graph_of(model)), file.shard, file.rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return scores.dqf.astype("u1").tobytes(), scores.reasons.astype("u1").tobytes(), peak


def main(mode: str, workers: int, folder: str) -> dict[str, Any]:
    """Score all files of a folder; starting the workers and a first file do not count."""
    names = sorted(path.name for path in Path(folder).glob("shard-*.json"))
    score: Score = functools.partial(score_file, folder)
    if mode == "whole":
        score(names[0])
        return _timed(lambda: [score("whole.json")])
    if mode == "processes":
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            pool.map(score, names[:1] * workers, 1)
            return _timed(lambda: pool.map(score, names, 1))
    from distributed import Client, LocalCluster  # noqa: PLC0415  not in the project's environment

    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as dask,
    ):
        dask.run(score, names[0])
        return _timed(lambda: dask.gather(dask.map(score, names, pure=False)))


def _timed(work: Callable[[], Iterable[tuple[bytes, bytes, int]]]) -> dict[str, Any]:
    begun = time.perf_counter()
    dqf, reasons, peaks = zip(*work(), strict=True)
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "peak": max(peaks), "scores": hashlib.sha256(b"".join(dqf + reasons)).hexdigest()}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
