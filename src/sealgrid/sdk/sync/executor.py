"""Runs and bags behind the interface of ``concurrent.futures``."""

import concurrent.futures
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sealgrid.errors import InputRefused, SealgridError
from sealgrid.sdk.amounts import Price
from sealgrid.sdk.input_files import InputFiles
from sealgrid.sdk.operations.open_result import RunResult
from sealgrid.sdk.resources.offers import AssetRef
from sealgrid.sdk.sync.client import Client


class Executor(concurrent.futures.Executor):
    """Buys runs of apps for code that is written for ``concurrent.futures``.

    In the place of a function stands an app, by name or address. ``submit`` buys one run at once and returns a future
    of its result; ``map`` buys one bag. ``model``, ``max_price`` (of each run, or of the whole bag) and ``pool`` apply
    to all. Futures raise the errors of ``Run.result``. A future that is cancelled before its run is bought buys none.
    """

    def __init__(
        self,
        client: Client,
        model: AssetRef | None = None,
        *,
        max_price: Price | None = None,
        pool: str | None = None,
        max_workers: int = 16,
    ) -> None:
        """Use a client; ``max_workers`` runs of ``submit`` are followed at a time, the others wait unbought."""
        self._client, self._model, self._max_price, self._pool = client, model, max_price, pool
        self._threads = concurrent.futures.ThreadPoolExecutor(max_workers, thread_name_prefix="sealgrid-run")

    def submit(  # type: ignore[override]
        self, app: AssetRef, /, files: InputFiles = (), args: Sequence[str] = ()
    ) -> "concurrent.futures.Future[RunResult]":
        """Buy a run of the app and return a future of its result."""
        return self._threads.submit(self._run, app, files, args)

    def map(  # type: ignore[override]
        self,
        app: AssetRef,
        /,
        *inputs: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,  # noqa: ARG002  as in ThreadPoolExecutor, which ignores it, too
    ) -> Iterator[RunResult]:
        """Buy one bag, with a task for each input, and return its results in the order of the inputs.

        ``inputs`` is one iterable of files, or a second one of arguments as for ``starmap``. Raises InputRefused for
        more iterables, and at an input's place the error of its shard.
        """
        if len(inputs) not in {1, 2}:
            raise InputRefused(f"map takes one iterable of files, and one of arguments, not {len(inputs)}.")
        pairs = ((each[0], each[1] if len(each) > 1 else ()) for each in zip(*inputs, strict=False))
        bag = self._client.starmap(app, pairs, self._model, max_price=self._max_price, pool=self._pool)
        return self._results(bag.results(timeout=timeout))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more runs; bought ones continue, and their futures end."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)

    def _run(self, app: AssetRef, files: InputFiles, args: Sequence[str]) -> RunResult:
        return self._client.run(app, self._model, files, args, max_price=self._max_price, pool=self._pool).result()

    @staticmethod
    def _results(steps: Iterator[RunResult | SealgridError]) -> Iterator[RunResult]:
        for each in steps:
            assert isinstance(each, RunResult)
            yield each
