"""What became of money is said by sdk/money.py alone, from a task's state: code that knows no task must not claim it."""

import ast
import re
from pathlib import Path

import pytest

from sealgrid.errors import SealgridError
from tests.meta.syntax import parse

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path for room in ("src", "attacks", "bench", "chaos", "setup") for path in (ROOT / room).rglob("*.py")]
SAYS = ROOT / "src" / "sealgrid" / "sdk" / "money.py"
CLAIM = re.compile(
    r"money moved|(?:was|were|is) (?:not )?(?:paid|refunded|charged)|(?:money|price) (?:is|was|comes|came|stays)"
    r"|(?:nothing|nobody) was (?:paid|bought|charged)",
    re.IGNORECASE,
)
KNOWN = (
    "nothing was bought",  # sdk/stores/job_store.py, before the deal is sent: a file cannot be written
    "actual best price is",  # market/admission.py, iExec's sentence about the cheapest offer
    "was kept, or nothing was refunded",  # cli/stories/thefts.py, after a look at the escrow
)


def claims_in(source: str) -> list[str]:
    """Return each place at which a module claims something about money by itself."""
    found = []
    for node in ast.walk(parse(source)):
        if isinstance(node, ast.keyword) and node.arg == "money" and _literal(node.value) not in {None, ""}:
            found.append(f"money={ast.unparse(node.value)}")
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
        )
        if any(isinstance(target, ast.Attribute) and target.attr == "money" for target in targets):
            found.append(ast.unparse(node))
        if isinstance(node, ast.Raise) and node.exc is not None:
            said = " ".join(str(part.value) for part in ast.walk(node.exc) if isinstance(part, ast.Constant))
            if CLAIM.search(said) and not any(known in said for known in KNOWN):
                found.append(ast.unparse(node.exc))
    return found


def _literal(value: ast.expr) -> str | None:
    """Return the text of a literal, of all of its parts; None for what is worked out elsewhere."""
    parts = [part.value for part in ast.walk(value) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return "".join(parts) if parts or isinstance(value, ast.JoinedStr) else None


def test_an_error_claims_nothing_by_default():
    assert SealgridError("it failed.").money == ""


def test_only_one_module_writes_about_money():
    outside = {
        str(path.relative_to(ROOT)): found
        for path in SOURCES
        if path not in {SAYS, ROOT / "src" / "sealgrid" / "errors.py"} and (found := claims_in(path.read_text()))
    }
    assert outside == {}


@pytest.mark.parametrize(
    "lie",
    [
        'raise NotFound("no such file.", money="No money moved.")',
        'raise NotFound("no such file. No money moved.")',
        'raise HostFailed("it failed.", money=f"{who} was refunded.")',
        'raise ServiceUnavailable(f"{name} is away; your run was paid.")',
        'error.money = "It was paid."',
        'error.money += "It was paid."',
    ],
)
def test_a_planted_claim_is_found(lie):
    assert claims_in(lie) != []


def test_what_is_worked_out_from_the_tasks_state_may_be_passed_on():
    assert claims_in('raise InputRefused("it cannot be written.", money=await run.money())') == []
    assert claims_in('raise InputRefused("it cannot be written.", money="")') == []


def test_no_page_and_no_script_claims_it_either():
    web = ROOT / "src" / "sealgrid" / "web"
    files = [*web.rglob("*.js"), *web.rglob("*.html")]
    found = {
        path.name
        for path in files
        if re.search(r"money moved|run was paid|was refunded", path.read_text(), re.IGNORECASE)
    }
    assert found == set()
