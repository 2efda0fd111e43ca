"""What an enclave and its app see of the machine."""

import asyncio
import sys
from pathlib import Path


async def test_an_enclave_sees_nothing_of_the_host(enclave):
    assert set(await enclave.ask("list", "/")) <= {"runtime", "bytecode", "job", "tmp", "dev", "proc", "lib64", "lib"}
    assert not await enclave.ask("exists", "/etc/passwd")
    assert not await enclave.ask("exists", str(Path.cwd()))
    assert set(await enclave.ask("environment")) <= {"LD_LIBRARY_PATH", "PATH", "HOME", "LANG", "PWD", "LC_CTYPE"}


async def test_an_enclave_reaches_no_network(enclave):
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await enclave.ask("reach", "127.0.0.1", port) == "ConnectionRefusedError"
    assert await enclave.ask("reach", "192.0.2.1", 80) == "OSError"
    server.close()


async def test_an_enclave_writes_to_memory_alone(enclave):
    for path in ("/x", "/runtime/boot.py", "/bytecode/x"):
        assert "Read-only" in await enclave.fails("write", path)
    assert await enclave.ask("write", "/job/x") == 1


async def test_an_enclave_runs_an_app_in_a_sandbox_of_its_own(enclave):
    ended = await enclave.ask(
        "app", "import os, sqlite3; print(os.listdir('/proc'), os.path.exists('/runtime/boot.py'))"
    )
    assert ended["kind"] == "AppExited", ended
    assert ended["log"].endswith("False\n")
    assert "'self'" not in ended["log"]


async def test_an_app_finds_bytecode_of_the_standard_library_and_of_its_environment(enclave):
    source = """
import importlib.util, json, os, sys
print(os.path.exists(json.__spec__.cached), os.listdir('/bytecode/runtime'))
print(os.path.exists(importlib.util.cache_from_source('/wheels/one.py')))
"""
    ended = await enclave.ask("app", source, {f".bytecode/one.{sys.implementation.cache_tag}.pyc": "x"})
    assert ended["log"].split("\n")[:2] == ["True ['python']", "True"], ended


async def test_the_whole_session_can_be_imported_from_what_was_measured(enclave):
    assert await enclave.ask("import", "sealgrid.enclave.session") == "/runtime/packages/sealgrid/enclave/session.py"
    assert "ModuleNotFoundError" in await enclave.fails("import", "sealgrid.chain.hub")
    assert "ModuleNotFoundError" in await enclave.fails("import", "web3")
