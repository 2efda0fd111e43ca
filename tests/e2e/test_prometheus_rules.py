"""Prometheus' own tool takes the alerts and the queries of the dashboard."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PROMTOOL = ROOT / ".cache" / "promtool"

pytestmark = pytest.mark.long


def check(rules: Path) -> tuple[int, str]:
    """Return the exit code and the output of ``promtool check rules``."""
    ended = subprocess.run([PROMTOOL, "check", "rules", rules], capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def test_promtool_takes_the_alerts() -> None:
    code, printed = check(ROOT / "deploy" / "prometheus" / "rules.yml")
    assert (code, "SUCCESS" in printed) == (0, True), printed


def test_promtool_takes_the_queries_of_the_dashboard_and_finds_a_broken_one(tmp_path: Path) -> None:
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "sealgrid.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    assert len(queries) > 10
    for each, taken in ((queries, True), ([f"{queries[0]})"], False)):
        rules = [{"record": f"panel:query:{number}", "expr": query} for number, query in enumerate(each)]
        (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
        code, printed = check(tmp_path / "rules.yml")
        assert (code == 0) == taken, printed
