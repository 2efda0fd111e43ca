"""``sealgrid model grant | revoke | usage`` and ``sealgrid model policy …``: access to a model, and its use."""

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from sealgrid.cli.end_times import Until, parse_end
from sealgrid.cli.model import Model
from sealgrid.cli.options import Json
from sealgrid.cli.output import print_result, print_warnings
from sealgrid.cli.session import for_account

if TYPE_CHECKING:
    from sealgrid.attestation.policy import Policy
    from sealgrid.sdk.client import AsyncClient
    from sealgrid.sdk.operations.usage import UsageReport

policy = typer.Typer(help="Conditions that every vault checks before it releases its key share.", no_args_is_help=True)
Person = Annotated[str, typer.Argument(metavar="ADDRESS", help="The address of the account.")]


def register(app: typer.Typer) -> None:
    """Add the commands to those of ``sealgrid model``."""
    for command in (grant, revoke, usage):
        app.command()(command)
    app.add_typer(policy, name="policy")


@for_account("owner")
async def grant(
    me: "AsyncClient",
    model: Model,
    person: Person,
    *,
    until: Until = None,
    for_app: Annotated[
        str | None, typer.Option("--app", metavar="APP", help="Only offers for this app; name or address.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Allow an account to buy uses of your model. After the first grant, only accounts with a grant may buy."""
    done = await me.models.grant(model, person, until=parse_end(until), app=for_app)
    end = f"until {_date(done.policy_expiry)}, when the model's policy ends"
    if done.until is not None:
        earlier = "" if done.until <= done.policy_expiry else f"; its policy ends on {_date(done.policy_expiry)}"
        end = f"until {_date(done.until)}{earlier}"
    lines = [f"{done.account} may buy {model} {end}; access policy {done.access}"]
    if done.closed:
        lines.append(
            f"{done.closed} offer{'s' if done.closed != 1 else ''} that any account could buy: now for accounts "
            "with a grant only"
        )
    print_result(done, lines, as_json=as_json)
    print_warnings(done.unreached)


@for_account("owner")
async def revoke(
    me: "AsyncClient",
    model: Model,
    person: Person,
    *,
    running: Annotated[
        bool, typer.Option("--running", help="Also let the vaults refuse the runs that the account bought before.")
    ] = False,
    as_json: Json = False,
) -> None:
    """End an account's permission to buy uses of your model."""
    done = await me.models.revoke(model, person, running=running)
    lines = [f"{done.account} cannot buy {model} from block {done.block} on"] if done.access else []
    if running:
        lines.append("the vaults release no key for its runs; a run that has the key already can finish")
    else:
        lines.append(f"runs that it bought before can start within {done.worst_delay} s; to refuse them, add --running")
    print_result(done, lines, as_json=as_json)
    print_warnings(done.unreached)


@for_account("owner")
async def usage(
    me: "AsyncClient",
    model: Model,
    as_json: Json = False,
) -> None:
    """List every release of a model's key, from the vaults' logs, and compare the logs with each other and the chain.

    Exits with 1 if they disagree.
    """
    report = await me.models.usage(model)
    print_result(report, _usage_lines(report), as_json=as_json)
    if not report.ok:
        raise typer.Exit(1)


@policy.command("show")
@for_account("owner")
async def show_policy(
    me: "AsyncClient",
    model: Model,
    as_json: Json = False,
) -> None:
    """Show the newest policy, which the owner signed and the vaults store."""
    shown = await me.models.policy(model)
    print_result(shown, _policy_lines(shown), as_json=as_json)


@policy.command("set")
@for_account("owner")
async def set_policy(
    me: "AsyncClient",
    model: Model,
    *,
    until: Until = None,
    uses_per_hour: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="NUMBER",
            help="Largest number of uses an hour of each account. A worker that chooses t of the n vaults can "
            "reach n/t "
            "times as many.",
        ),
    ] = None,
    uses_total: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="NUMBER",
            help="Largest number of uses in total. It is exact, so every vault must release: one vault that is down "
            "stops new uses.",
        ),
    ] = None,
    quorum: Annotated[
        int | None,
        typer.Option(min=0, metavar="NUMBER", help="Number of vaults that must release; 0: the threshold."),
    ] = None,
    direct: Annotated[
        bool | None, typer.Option("--direct/--escrow", help="Open results before, or only after, the payment.")
    ] = None,
    allow_machine: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Release to this machine only; repeatable.")
    ] = None,
    deny_machine: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Never release to this machine; repeatable.")
    ] = None,
    family: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Release to this processor family only; repeatable.")
    ] = None,
    forbid_advisory: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Refuse machines with this security advisory; repeatable.")
    ] = None,
    evaluation: Annotated[
        int | None,
        typer.Option(min=0, metavar="NUMBER", help="Lowest evaluation number of the machine's collateral."),
    ] = None,
    up_to_date: Annotated[
        bool | None,
        typer.Option("--up-to-date/--any-status", help="Require the TCB status up to date, or what the vaults accept."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Change the given conditions of the policy; vaults apply them to their next release. An empty ID clears a list."""
    fields = {
        "allowed": _normalized(allow_machine),
        "denied": _normalized(deny_machine),
        "families": _normalized(family),
        "forbidden_advisories": _normalized(forbid_advisory),
        "evaluation": evaluation,
        "up_to_date": up_to_date,
    }
    changes = {name: value for name, value in fields.items() if value is not None}
    machines = msgspec.structs.replace((await me.models.policy(model)).machines, **changes)
    done = await me.models.set_policy(
        model,
        expiry=parse_end(until),
        machines=machines,
        uses_per_requester_hour=uses_per_hour,
        uses_total=uses_total,
        quorum=quorum,
        direct=direct,
    )
    print_result(done, _policy_lines(done.policy), as_json=as_json)
    print_warnings(done.unreached)


def _normalized(ids: list[str] | None) -> tuple[str, ...] | None:
    return None if ids is None else tuple(each.lower().removeprefix("0x") for each in ids if each)


def _policy_lines(policy: "Policy") -> Iterator[str]:
    from sealgrid.attestation.policy import UNLIMITED

    machines = policy.machines
    total, vaults = "no limit", f"{policy.quorum or 'the threshold'} must release"
    if policy.uses_total != UNLIMITED:
        total = str(policy.uses_total)
        vaults = "all must release, because the total is exact; one that is down stops new uses"
    for field, value in (
        ("version", policy.version),
        ("until", _date(policy.expiry)),
        ("uses", f"{policy.uses_per_requester_hour} an hour for each account, {total} in all"),
        ("vaults", vaults),
        ("results", "open at once" if policy.release else "open after the payment"),
        ("machines", ", ".join(machines.allowed) or "any that the vaults accept"),
        ("denied", ", ".join(machines.denied) or "none"),
        ("silicon", ", ".join(machines.families) or "any generation"),
        ("advisories", ", ".join(machines.forbidden_advisories) or "none forbidden"),
        ("TCB", f"{'up to date' if machines.up_to_date else 'as vaults accept'}, collateral {machines.evaluation}+"),
        ("refused", ", ".join(policy.refused) or "none"),
    ):
        yield f"{field:<12} {value}"
    for each in policy.allowed:
        yield f"{'app':<12} {each.app} on {each.platform.name} runtime {each.runtime}"


def _usage_lines(report: "UsageReport") -> Iterator[str]:
    for use in report.uses:
        yield f"{_date(use.time)}  task {use.task}  by {use.requester}  app {use.app}  in {len(use.vaults)} logs"
    if not report.uses:
        yield "no release"
    for each in report.unpaid:
        yield (f"released, never paid: {each.uses}  by {each.requester}  at pool {each.pool}  worker {each.worker}")
    if report.unopened:
        yield (
            f"(7.22) the model did not open for the buyer of task {report.unopened}: the vaults refuse its key until "
            "you deposit the right one"
        )
    for finding in report.findings:
        who = "" if finding.vault is None else f" vault {finding.vault}"
        where = "" if finding.task is None else f" (task {finding.task})"
        yield f"({finding.check}){who}: {finding.message}{where}"
    yield (
        "every log, every witness and the chain agree"
        if not report.findings
        else ("no vault is proved to lie" if report.ok else "A VAULT LIES: see above")
    )


def _date(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
