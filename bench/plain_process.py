"""The same app as a plain process: no enclave, no sandbox, no sealing, no network, no chain."""

import asyncio
import os
import shutil
import sys
import time
from pathlib import Path

from bench.figure import NotMeasured
from bench.workloads import Workload
from sealgrid.units import ZERO_ADDRESS

DATASET = "dataset"


class PlainApp:
    """A copy of an app in a folder, with its inputs beside it."""

    def __init__(self, workload: Workload, folder: Path) -> None:
        self._workload, self._folder = workload, folder
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(workload.folder, folder / "app", ignore=ignored)
        (folder / "in").mkdir()
        (folder / "inputs").mkdir()
        (folder / "inputs" / workload.file[0]).write_bytes(workload.file[1])
        if workload.model:
            (folder / "in" / DATASET).write_bytes(workload.model)

    async def run(self) -> float:
        """Run it once; return the seconds from the start of the process to its end."""
        out = self._folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        begun = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(self._folder / "app" / "main.py"), env=self._environment(out)
        )
        code, seconds = await process.wait(), time.perf_counter() - begun
        if code != 0 or not self._workload.right((out / "result.json").read_bytes()):
            raise NotMeasured(f"{self._workload.name} failed as a plain process.")
        return seconds

    def _environment(self, out: Path) -> dict[str, str]:
        datasets, inputs = str(self._folder / "in"), str(self._folder / "inputs")
        return {
            "PATH": os.environ["PATH"],
            "IEXEC_IN": datasets,
            "IEXEC_OUT": str(out),
            "IEXEC_INPUT_FILES_FOLDER": inputs,
            "IEXEC_INPUT_FILES_NUMBER": "1",
            "IEXEC_INPUT_FILE_NAME_1": self._workload.file[0],
            "IEXEC_DATASET_FILENAME": DATASET if self._workload.model else ZERO_ADDRESS,
        }
