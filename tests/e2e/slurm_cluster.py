"""A Slurm cluster of one node, for a test: munge, controller and node daemon, with all their files in one folder."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

SECONDS = 60
_CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
SchedulerParameters=sched_interval=1
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@dataclass(frozen=True)
class SlurmCluster:
    """A running cluster."""

    configuration: Path

    def submit(self, script: Path, *options: str, environment: Mapping[str, str]) -> str:
        """Submit a batch script; return the job's number."""
        return self._run("sbatch", "--parsable", *options, str(script), environment=environment).strip()

    def states(self, job: str) -> list[str]:
        """Return the state of each element of a job array that the controller remembers."""
        words = self._run("scontrol", "--oneliner", "show", "job", job).split()
        return sorted(word.removeprefix("JobState=") for word in words if word.startswith("JobState="))

    def terminate(self, job: str) -> None:
        """Send SIGTERM to the batch scripts of a job, as Slurm does before a job's time ends."""
        self._run("scancel", "--batch", "--signal=TERM", job)

    def _run(self, *command: str, environment: Mapping[str, str] | None = None) -> str:
        settings = dict(os.environ) | dict(environment or {}) | {"SLURM_CONF": str(self.configuration)}
        done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False, timeout=SECONDS)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def can_run_slurm() -> bool:
    """Return whether this process may start a node, which needs root, and Slurm is installed."""
    return os.geteuid() == 0 and all(map(shutil.which, ("munged", "slurmctld", "slurmd", "sbatch")))


@contextmanager
def slurm_cluster(folder: Path) -> Iterator[SlurmCluster]:
    """Start a cluster of this machine; end its daemons with the context."""
    for name in ("state", "spool"):
        (folder / name).mkdir()
    key, configuration = folder / "munge.key", folder / "slurm.conf"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    host, (controller_port, node_port) = socket.gethostname().split(".")[0], _free_ports()
    configuration.write_text(
        _CONFIGURATION.format(
            host=host,
            folder=folder,
            controller_port=controller_port,
            node_port=node_port,
            cores=os.cpu_count(),
        )
    )
    munge = [f"--{name}-file={folder}/munge.{name}" for name in ("pid", "log", "seed")]
    cluster = SlurmCluster(configuration)
    with ExitStack() as stack:
        for command in (
            ("munged", "--foreground", "--force", f"--key-file={key}", f"--socket={folder}/munge.socket", *munge),
            ("slurmctld", "-D", "-c", "-f", str(configuration)),
            ("slurmd", "-D", "-f", str(configuration), "-N", host),
        ):
            stack.enter_context(_daemon(command, folder))
        deadline = time.monotonic() + SECONDS
        while "idle" not in _node_state(configuration):
            assert time.monotonic() < deadline, (folder / "slurmctld.out").read_text()
            time.sleep(0.2)
        yield cluster


@contextmanager
def _daemon(command: tuple[str, ...], folder: Path) -> Iterator[None]:
    log = (folder / f"{command[0]}.out").open("wb")
    process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *command], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def _node_state(configuration: Path) -> str:
    command, settings = ("sinfo", "--noheader", "--format=%t"), dict(os.environ) | {"SLURM_CONF": str(configuration)}
    return subprocess.run(command, env=settings, capture_output=True, text=True, check=False, timeout=SECONDS).stdout


def _free_ports() -> tuple[int, int]:
    with socket.socket() as first, socket.socket() as second:
        for sock in (first, second):
            sock.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]
