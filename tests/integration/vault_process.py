"""Vaults that can be killed: ``python -m tests.integration.vault_process CONFIG.toml``, one forked for each line of input.

After SIGUSR1 a vault kills itself with SIGKILL when its database executed as many further statements as the line has;
0 is just before the first.
"""

import asyncio
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Engine, event

from sealgrid.vault.config import read_config
from sealgrid.vault.runner import run
from sealgrid.wire.server import listen


class Fuse:
    """Counts statements once it is lit."""

    def __init__(self, after: int) -> None:
        self.after, self.lit = after, False

    def light(self, *_: object) -> None:
        self.lit = True

    def before(self) -> None:
        if self.lit and self.after == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def done(self) -> None:
        if self.lit:
            self.after -= 1
            self.before()

    def install(self, _dialect: object, _record: object, _arguments: object, keywords: dict[str, Any]) -> None:
        """Count every statement of a new connection."""

        class Cursor(sqlite3.Cursor):
            def execute(cursor, *statement: Any) -> sqlite3.Cursor:  # noqa: N805
                self.before()
                done = super().execute(*statement)
                self.done()
                return done

        class Connection(sqlite3.Connection):
            def cursor(connection, factory: type = Cursor) -> Any:  # noqa: N805
                return super().cursor(factory)

            def execute(connection, *statement: Any) -> sqlite3.Cursor:  # noqa: N805
                return cast("sqlite3.Cursor", connection.cursor().execute(*statement))

        keywords["factory"] = Connection


def serve(config: Path, after: int) -> None:
    fuse, (settings, port) = Fuse(after), read_config(config)
    event.listen(Engine, "do_connect", fuse.install)
    signal.signal(signal.SIGUSR1, fuse.light)
    asyncio.run(run(settings, listen(port), lambda: print(os.getpid(), flush=True)))  # noqa: T201


def main() -> None:
    for line in sys.stdin:
        if (child := os.fork()) == 0:
            serve(Path(sys.argv[1]), int(line))
            os._exit(0)
        os.waitpid(child, 0)
        print("ended", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
