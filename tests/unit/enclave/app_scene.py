"""One app, run in bubblewrap."""

from pathlib import Path

from sealgrid.bundle.manifest import AppLimits
from sealgrid.enclave.sandbox.exit_cause import NO_PROTECTION, PlatformProtection
from sealgrid.enclave.sandbox.sandbox import AppEnded, AppExited, AppRun, HostInducible, SandboxFolders, run

LIMITS = AppLimits(memory=512 << 20, cpu_seconds=20, wall_seconds=90, processes=4, output_bytes=1 << 20)


class Scene:
    """The folders that an app gets."""

    def __init__(self, root: Path) -> None:
        self.folders = SandboxFolders(*(root / name for name in ("app", "wheels", "datasets", "inputs", "outputs")))
        for folder in vars(self.folders).values():
            folder.mkdir()

    def run(
        self,
        source: str,
        *arguments: str,
        limits: AppLimits = LIMITS,
        protection: PlatformProtection = NO_PROTECTION,
        **more: object,
    ) -> AppExited | AppEnded | HostInducible:
        (self.folders.app / "main.py").write_text(source)
        return run(AppRun(self.folders, ("main.py", "first"), arguments, limits=limits, **more), protection)

    def says(self, source: str, *arguments: str, **more: object) -> str:
        ended = self.run(source, *arguments, **more)
        assert isinstance(ended, AppExited), ended
        assert ended.code == 0, ended.log.decode()
        return ended.log.decode().strip()
