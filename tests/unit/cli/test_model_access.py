"""Lines of a policy and of a usage report; changes that keep the policy's other conditions."""

import pytest
import typer
from typer.testing import CliRunner

from sealgrid.attestation.policy import Machines, Policy
from sealgrid.cli import model_access, session
from sealgrid.sdk.operations.policies import PolicyUpdate
from sealgrid.sdk.operations.usage import ModelUse, UnpaidUses, UsageFinding, UsageReport
from sealgrid.units import to_address, to_digest

MODEL, OWNER, APP, VAULT = (to_address(bytes([number]) * 20) for number in range(1, 5))
TASK = to_digest(b"\xee" * 32)
POLICY = Policy(asset=MODEL, owner=OWNER, version=4, expiry=60, allowed=(), uses_per_requester_hour=7)
USE = ModelUse(TASK, TASK, OWNER, APP, APP, APP, TASK, 1, 60, (VAULT,))


class Models:
    """The models of a client that has one model."""

    def __init__(self, policy=POLICY, report=None) -> None:
        self.current, self.report, self.changes = policy, report, {}

    async def policy(self, model):
        return self.current

    async def set_policy(self, model, **changes):
        self.changes = changes
        return PolicyUpdate(self.current, ("vault 3 does not have it yet.",))

    async def usage(self, model):
        return self.report


@pytest.fixture
def model(monkeypatch):
    """A function that runs ``sealgrid model WORDS`` as a client with these models."""

    def run(models: Models, *words: str):
        async def connected(work):
            class Client:
                pass

            me = Client()
            me.models = models
            await work(me)

        def run_as(choice, data, work):
            import asyncio

            asyncio.run(connected(work))

        monkeypatch.setattr(session, "run_as", run_as)
        app = typer.Typer()
        model_access.register(app)
        return CliRunner().invoke(app, words, env={"COLUMNS": "200"})

    return run


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "vaults       the threshold must release"),
        ({"quorum": 3}, "vaults       3 must release"),
        (
            {"uses_total": 5},
            "vaults       all must release, because the total is exact; one that is down stops new uses",
        ),
        ({"uses_total": 5}, "uses         7 an hour for each account, 5 in all"),
        ({}, "uses         7 an hour for each account, no limit in all"),
        ({"release": 1}, "results      open at once"),
        ({"machines": Machines(denied=("ab",))}, "denied       ab"),
        ({"refused": (APP,)}, f"refused      {APP}"),
    ],
)
def test_a_policy_is_shown_condition_by_condition(model, changes, line):
    fields = {name: getattr(POLICY, name) for name in POLICY.__struct_fields__}
    shown = model(Models(Policy(**fields | changes)), "policy", "show", MODEL)
    assert line in shown.output.splitlines()


def test_a_change_of_one_condition_of_machines_keeps_the_others(model):
    models = Models(
        Policy(
            asset=MODEL,
            owner=OWNER,
            version=4,
            expiry=60,
            allowed=(),
            uses_per_requester_hour=7,
            machines=Machines(denied=("ab",), evaluation=3),
        )
    )
    ended = model(
        models, "policy", "set", MODEL, "--allow-machine", "0xCD", "--allow-machine", "", "--until", "1970-01-02"
    )
    assert ended.exit_code == 0, ended.output
    assert models.changes["machines"] == Machines(allowed=("cd",), denied=("ab",), evaluation=3)
    assert models.changes["expiry"] == 24 * 3600
    assert models.changes["quorum"] is None


@pytest.mark.parametrize(
    ("findings", "code", "last"),
    [
        ((), 0, "every log, every witness and the chain agree"),
        ((UsageFinding("usage.5", "lacks a release.", VAULT, TASK),), 0, "no vault is proved to lie"),
        ((UsageFinding("usage.4", "omits a release.", VAULT, TASK),), 1, "A VAULT LIES: see above"),
    ],
)
def test_a_usage_report_exits_with_1_only_when_a_vault_lies(model, findings, code, last):
    unpaid = (UnpaidUses(OWNER, APP, APP, 2),)
    ended = model(Models(report=UsageReport(MODEL, (USE,), findings, unpaid=unpaid)), "usage", MODEL)
    lines = ended.output.splitlines()
    assert (ended.exit_code, lines[-1]) == (code, last)
    assert lines[0] == f"1970-01-01 00:01:00 UTC  task {TASK}  by {OWNER}  app {APP}  in 1 logs"
    assert lines[1].startswith(f"released, never paid: 2  by {OWNER}")
    for finding in findings:
        assert f"({finding.check}) vault {VAULT}: {finding.message} (task {TASK})" in lines
