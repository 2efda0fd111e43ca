"""Files below ``deploy``: units that systemd takes and confines, manifests of the right shape, alerts on real metrics."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from sealgrid.machine.pool_file import PoolFile
from sealgrid.machine.service_files import MarketFile, StorageFile
from sealgrid.vault.config import VaultFile
from sealgrid.wire.service_access import ServiceAccess
from sealgrid.wire.settings_file import toml
from tests.unit.cli.cli_runner import run_cli

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


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
    return loaded


def refused_by_compose(document: object) -> list[str]:
    """Return what the schema of the Compose Specification finds in a document."""
    schema = json.loads((Path(__file__).parent / "compose" / "compose-spec.json").read_text())
    return [each.message for each in jsonschema.Draft202012Validator(schema).iter_errors(document)]


def test_the_compose_file_has_only_what_the_specification_knows() -> None:
    assert refused_by_compose(compose()) == []


def test_a_misspelt_field_of_the_compose_file_is_found() -> None:
    document = compose()
    document["services"]["pool"]["helthcheck"] = {}
    assert any("helthcheck" in each for each in refused_by_compose(document))


@pytest.mark.parametrize("name", ["pool", "market", "storage", "vault"])
def test_a_composed_service_runs_a_command_of_ours_confined_on_a_volume_of_its_own(name: str, tmp_path: Path) -> None:
    service = compose()["services"][name]
    ended = run_cli(*service["command"], home=tmp_path, folder=tmp_path)
    assert (ended.code, "CONFIG.toml cannot be read" in ended.err) == (1, True), ended.err
    assert (service["user"], service["read_only"], service["cap_drop"]) == ("sealgrid", True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    home = re.search(r"--home-dir (\S+)", (DEPLOY / "container" / "Containerfile").read_text())
    assert home is not None
    assert (service["volumes"], service["working_dir"]) == ([f"{name}:{home[1]}"], home[1])
    assert name in compose()["volumes"]


@pytest.mark.parametrize(
    ("name", "kind"), [("pool", PoolFile), ("market", MarketFile), ("storage", StorageFile), ("vault", VaultFile)]
)
def test_a_health_check_asks_the_admin_address_that_the_compose_file_names(
    name: str, kind: type[ServiceAccess]
) -> None:
    document = compose()
    checks = {each: " ".join(service["healthcheck"]["test"]) for each, service in document["services"].items()}
    asked = {each: re.search(r"http://([\d.]+:\d+)/readyz", check)[1] for each, check in checks.items()}  # type: ignore[index]
    assert len(set(asked.values())) == len(asked) == 4
    setting = f"admin = {toml(asked[name])}"
    port = asked[name].rpartition(":")[2]
    comment = (DEPLOY / "compose" / "compose.yaml").read_text().partition("name: sealgrid")[0]
    assert setting in comment if name == "pool" else f"{port} {name}" in comment
    assert "admin" in kind.__struct_fields__
    assert ServiceAccess(admin=asked[name]).admin_address == ("127.0.0.1", int(port))


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
