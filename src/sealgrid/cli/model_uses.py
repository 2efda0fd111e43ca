"""``sealgrid model grant|revoke|usage`` and ``sealgrid model policy …``: who may use a model, and who did."""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from sealgrid.cli.account_session import answer, as_account, notes
from sealgrid.cli.model import Model
from sealgrid.cli.options import Account, Data, Json, PasswordFile

if TYPE_CHECKING:
    from sealgrid.attestation.policy import Machines, Policy
    from sealgrid.sdk.client import AsyncClient
    from sealgrid.sdk.operations.usage import UsageReport

policy = typer.Typer(help="What every vault asks before it gives its share.", no_args_is_help=True)
Person = Annotated[str, typer.Argument(metavar="PERSON", help="An account's address.")]
Until = Annotated[
    dt.datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], metavar="DATE", help="When it ends; UTC."),
]
Ids = Annotated[list[str] | None, typer.Option(metavar="ID", help="May be given more than once.")]


def register(app: typer.Typer) -> None:
    """Add the commands to those about models."""
    for command in (grant, revoke, usage):
        app.command()(command)
    app.add_typer(policy, name="policy")


def grant(
    model: Model,
    person: Person,
    *,
    until: Until = None,
    for_app: Annotated[str | None, typer.Option("--app", metavar="APP", help="This app's offers alone.")] = None,
    account: Account = "owner",
    as_json: Json = False,
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Let an account buy uses of an own model; from the first grant on, nobody else may."""

    async def work(me: "AsyncClient") -> None:
        done = await me.models.grant(model, person, until=_seconds(until), app=for_app)
        end = "without end" if done.until is None else f"until {_date(done.until)}"
        lines = [f"{done.account} may buy {model} {end}; access policy {done.access}"]
        if done.closed:
            lines.append(f"{done.closed} offers were open to everybody and are for granted accounts only now")
        answer(done, lines, as_json=as_json)
        _say_unreached(done.unreached)

    as_account(account, data, work, password_file)


def revoke(
    model: Model,
    person: Person,
    *,
    running: Annotated[
        bool, typer.Option("--running", help="Have the vaults refuse what it bought before, too; from now on.")
    ] = False,
    account: Account = "owner",
    as_json: Json = False,
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Let an account buy no more uses of an own model."""

    async def work(me: "AsyncClient") -> None:
        done = await me.models.revoke(model, person, running=running)
        lines = [f"{done.account} may buy no more of {model}, from block {done.block} on"] if done.access else []
        if running:
            lines.append("the vaults give it no key any more, whatever it bought; what has its key already finishes")
        else:
            lines.append(f"what it bought before may still run for {done.worst_delay} s at most; --running ends that")
        answer(done, lines, as_json=as_json)
        _say_unreached(done.unreached)

    as_account(account, data, work, password_file)


def usage(
    model: Model,
    account: Account = "owner",
    as_json: Json = False,
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """List every release of a model from the vaults' logs, held against each other and the chain; 1 if one lies."""

    async def work(me: "AsyncClient") -> bool:
        found = await me.models.usage(model)
        answer(found, _usage_lines(found), as_json=as_json)
        return found.ok

    if not as_account(account, data, work, password_file):
        raise typer.Exit(1)


@policy.command("show")
def show_policy(
    model: Model,
    account: Account = "owner",
    as_json: Json = False,
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Show the newest policy that the model's owner signed, as the vaults hold it."""

    async def work(me: "AsyncClient") -> None:
        found = await me.models.policy(model)
        answer(found, _policy_lines(found), as_json=as_json)

    as_account(account, data, work, password_file)


@policy.command("set")
def set_policy(
    model: Model,
    *,
    until: Until = None,
    uses_per_hour: Annotated[
        int | None,
        typer.Option(
            min=0, help="Of one account; up to n/t times as many where a worker chooses which t of n vaults it asks."
        ),
    ] = None,
    uses_total: Annotated[
        int | None,
        typer.Option(
            min=0, help="Of everybody, for ever, exactly: every vault must release, so one that is down stops new uses."
        ),
    ] = None,
    quorum: Annotated[int | None, typer.Option(min=0, help="Vaults that must release; 0 for the usual number.")] = None,
    direct: Annotated[bool | None, typer.Option("--direct/--escrow", help="Open results before the pay.")] = None,
    allow_machine: Ids = None,
    deny_machine: Ids = None,
    family: Ids = None,
    forbid_advisory: Ids = None,
    evaluation: Annotated[int | None, typer.Option(min=0, help="Least number of a machine's collateral.")] = None,
    up_to_date: Annotated[bool | None, typer.Option("--up-to-date/--any-status", help="Of a machine's TCB.")] = None,
    account: Account = "owner",
    as_json: Json = False,
    password_file: PasswordFile = None,
    data: Data = None,
) -> None:
    """Change what is named, leave the rest; every vault judges its next release by it. An empty ID empties a list."""

    async def work(me: "AsyncClient") -> None:
        wanted = {
            "allowed": _listed(allow_machine),
            "denied": _listed(deny_machine),
            "families": _listed(family),
            "forbidden_advisories": _listed(forbid_advisory),
            "evaluation": evaluation,
            "up_to_date": up_to_date,
        }
        machines = _machines((await me.models.policy(model)).machines, wanted)
        done = await me.models.set_policy(
            model,
            expiry=_seconds(until),
            machines=machines,
            uses_per_requester_hour=uses_per_hour,
            uses_total=uses_total,
            quorum=quorum,
            direct=direct,
        )
        answer(done, _policy_lines(done.policy), as_json=as_json)
        _say_unreached(done.unreached)

    as_account(account, data, work, password_file)


def _machines(before: "Machines", wanted: Mapping[str, object]) -> "Machines":
    import msgspec

    return msgspec.structs.replace(before, **{name: value for name, value in wanted.items() if value is not None})


def _listed(ids: list[str] | None) -> tuple[str, ...] | None:
    return None if ids is None else tuple(each.lower().removeprefix("0x") for each in ids if each)


def _policy_lines(found: "Policy") -> Iterator[str]:
    from sealgrid.attestation.policy import UNLIMITED

    machines = found.machines
    total = "no limit" if found.uses_total == UNLIMITED else found.uses_total
    for what, value in (
        ("version", found.version),
        ("until", _date(found.expiry)),
        ("uses", f"{found.uses_per_requester_hour} an hour for each account, {total} in all"),
        ("vaults", _vaults_line(found)),
        ("results", "open at once" if found.release else "open once the chain has paid"),
        ("machines", ", ".join(machines.allowed) or "any that the vaults accept"),
        ("denied", ", ".join(machines.denied) or "none"),
        ("silicon", ", ".join(machines.families) or "any generation"),
        ("advisories", ", ".join(machines.forbidden_advisories) or "none forbidden"),
        ("TCB", f"{'up to date' if machines.up_to_date else 'as vaults accept'}, collateral {machines.evaluation}+"),
        ("refused", ", ".join(found.refused) or "nobody"),
    ):
        yield f"{what:<12} {value}"
    for each in found.allowed:
        yield f"{'app':<12} {each.app} on {each.platform.name} runtime {each.runtime}"


def _vaults_line(found: "Policy") -> str:
    from sealgrid.attestation.policy import UNLIMITED

    if found.uses_total != UNLIMITED:
        return "all must release, as uses are counted in all; one that is down stops new uses"
    return f"{found.quorum} must release" if found.quorum else "the usual number must release"


def _usage_lines(found: "UsageReport") -> Iterator[str]:
    for use in found.uses:
        yield f"{_date(use.time)}  task {use.task}  by {use.requester}  app {use.app}  in {len(use.vaults)} logs"
    if not found.uses:
        yield "no release"
    for each in found.unpaid:
        yield (f"released, never paid: {each.uses}  by {each.requester}  at pool {each.pool}  worker {each.worker}")
    if found.unopened:
        yield (
            f"(7.22) the model did not open for the buyer of task {found.unopened}: the vaults refuse its key until "
            "you deposit the right one"
        )
    for finding in found.findings:
        who = "" if finding.vault is None else f" vault {finding.vault}"
        where = "" if finding.task is None else f" (task {finding.task})"
        yield f"({finding.check}){who}: {finding.message}{where}"
    yield (
        "every log, every witness and the chain agree"
        if not found.findings
        else ("nobody was found to lie" if found.ok else "SOMEBODY LIES: see above")
    )


def _say_unreached(sentences: tuple[str, ...]) -> None:
    for sentence in sentences:
        notes.print(sentence, style="yellow", markup=False)


def _seconds(date: dt.datetime | None) -> int | None:
    return None if date is None else int(date.replace(tzinfo=dt.UTC).timestamp())


def _date(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
