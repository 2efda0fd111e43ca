"""Files below ``deploy``: units that systemd takes and confines, manifests of the right shape, alerts on real metrics."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SOURCES = DEPLOY.parent / "src" / "sealgrid"
#: Highest exposure by `systemd-analyze security`. A worker makes namespaces and mounts for the sandbox of each app.
EXPOSURE = {"sealgrid@.service": 2.0, "sealgrid-worker.service": 3.5}
KUBERNETES = "1.33"
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))


@pytest.mark.parametrize("unit", EXPOSURE)
def test_a_unit_is_valid_and_confined(unit: str, tmp_path: Path) -> None:
    program = tmp_path / "sealgrid"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    instance = tmp_path / unit.replace("@", "@market")
    instance.write_text((DEPLOY / "systemd" / unit).read_text().replace("/opt/sealgrid/bin/sealgrid", str(program)))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(instance)], capture_output=True, text=True, check=False
    )
    assert (verified.returncode, verified.stderr) == (0, "")
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(instance)]
    judged = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", judged)
    assert exposure is not None
    assert float(exposure[1]) <= EXPOSURE[unit], judged


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_a_manifest_has_only_fields_that_kubernetes_knows(path: Path) -> None:
    documents = list(yaml.safe_load_all(path.read_text()))
    assert documents
    for document in documents:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_a_misspelt_field_of_a_manifest_is_found() -> None:
    document = next(yaml.safe_load_all(MANIFESTS[0].read_text()))
    document["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


def queries(node: Any) -> list[str]:
    """Return every value of ``expr`` in a document."""
    if isinstance(node, dict):
        own = [node["expr"]] if isinstance(node.get("expr"), str) else []
        return own + [each for value in node.values() for each in queries(value)]
    return [each for value in node for each in queries(value)] if isinstance(node, list) else []


def test_alerts_and_dashboard_read_only_metrics_that_services_have() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text())
    dashboard = json.loads((DEPLOY / "grafana" / "sealgrid.json").read_text())
    read = queries(rules) + queries(dashboard)
    assert len(read) > 10
    source = "\n".join(path.read_text() for path in SOURCES.rglob("*.py"))
    names = set(re.findall(r"(?:add_gauge|counter|_name)\(\s*\"(\w+)\"", source))
    services = set(re.findall(r"ServiceMonitor\(\"([\w-]+)\"\)", source))
    for name in {each for query in read for each in re.findall(r"\bsealgrid_([a-z_]+)\b", query)}:
        service = next((each for each in services if name.startswith(f"{each.replace('-', '_')}_")), None)
        assert service is not None, name
        metric = name.removeprefix(f"{service.replace('-', '_')}_")
        assert re.sub(r"_(total|bucket|sum|count)$", "", metric) in names, name
