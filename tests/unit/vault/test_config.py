"""A vault's settings as its operator writes them."""

import re
from pathlib import Path

import pytest

from sealgrid.attestation.evidence import TcbVersion, check_distinct_roots
from sealgrid.attestation.policy import Platform
from sealgrid.errors import InputRefused
from sealgrid.vault.config import read_config
from sealgrid.vault.keys import KeyCommand, KeyFiles
from sealgrid.wire.service_access import ServiceAccess
from tests.unit.attestation import hardware_machines as hardware
from tests.unit.vault.vault_scene import BROKER, HUB, MACHINE, MODEL, VAULTS

FILE = f"""
folder = "data"
port = 9443
rpc_urls = ["https://one.example", "https://two.example"]
chain = 42161
genesis = "{MODEL}"
hub = "{HUB}"
broker = "{BROKER}"
storage_url = "https://files.example"
threshold = 2
vaults = {[vault.address for vault in VAULTS]}
[[roots]]
platform = "simulated"
certificate = "root.der"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "root.der").write_bytes(MACHINE.trust_root.root_ca_der)
    (tmp_path / "vault.toml").write_text(FILE)
    return tmp_path / "vault.toml"


def test_paths_count_from_the_file(file: Path) -> None:
    config, port = read_config(file)
    assert (config.folder, port) == (file.parent / "data", 9443)
    assert config.key_source == KeyFiles(file.parent / "data" / "keys")
    assert [root.platform for root in config.roots] == [Platform.SIMULATED]
    assert not config.insecure_allow_simulated


def test_the_other_vaults_are_watched_where_they_answer(file: Path) -> None:
    other = VAULTS[1].address
    file.write_text(FILE + f'[peers]\n{other} = "https://vault.example"\n')
    assert read_config(file)[0].peers == ((other, "https://vault.example"),)


def test_who_may_ask_stands_beside_the_other_settings(file: Path) -> None:
    limits = 'public_url = "https://vault.example"\ntrusted_proxies = ["10.0.0.0/8"]\nrequests_per_minute = 60\n'
    file.write_text(limits + "inputs_per_hour = 7\ninput_hours = 2\n" + FILE)
    config, _ = read_config(file)
    expected = ServiceAccess(
        public_url="https://vault.example", trusted_proxies=("10.0.0.0/8",), requests_per_minute=60
    )
    assert (config.access, config.inputs_per_hour, config.input_hours) == (expected, 7, 2)


def test_a_certificate_counts_from_the_file_too(file: Path) -> None:
    file.write_text('certificate = "chain.pem"\ncertificate_key = "/safe/key.pem"\n' + FILE)
    access = read_config(file)[0].access
    assert (access.certificate, access.certificate_key) == (str(file.parent / "chain.pem"), "/safe/key.pem")


def test_a_certificate_without_its_key_is_refused(file: Path) -> None:
    file.write_text('certificate = "chain.pem"\n' + FILE)
    with pytest.raises(InputRefused, match="both certificate and certificate_key"):
        read_config(file)


def test_without_them_the_defaults_are_strict(file: Path) -> None:
    config, _ = read_config(file)
    assert (config.access, config.inputs_per_hour, config.input_hours) == (ServiceAccess(), 300, 24)


def test_a_public_url_with_a_path_is_refused(file: Path) -> None:
    file.write_text('public_url = "https://vault.example/v1"\n' + FILE)
    with pytest.raises(InputRefused, match="is not a valid origin"):
        read_config(file)


def test_a_root_names_what_its_operator_accepts(file: Path) -> None:
    terms = 'traits = ["smt"]\nstatuses = ["SWHardeningNeeded"]\nminimum_eval_number = 17\n'
    file.write_text(FILE + terms + "[roots.least_tcb]\nsnp = 24\nmicrocode = 217\n")
    (root,) = read_config(file)[0].roots
    assert (root.traits, root.statuses) == ({"smt"}, {"SWHardeningNeeded"})
    assert (root.minimum_eval_number, root.least_tcb) == (17, TcbVersion(snp=24, microcode=217))


def test_the_roots_that_the_howto_shows_are_read(file: Path) -> None:
    shown = (Path(__file__).parents[3] / "docs" / "howto" / "real-hardware.md").read_text()
    (block,) = re.findall(r"```toml\n(.*?)```", shown, re.DOTALL)
    for name in ("intel-root.der", "ark-milan.der"):
        (file.parent / name).write_bytes(hardware.machine(Platform.TDX, name).root_der)
    file.write_text(FILE.partition("[[roots]]")[0] + block)
    roots = read_config(file)[0].roots
    assert [root.platform for root in roots] == [Platform.TDX, Platform.SGX, Platform.SNP]
    check_distinct_roots(roots)


def test_keys_may_lie_elsewhere_or_come_from_a_program(file: Path) -> None:
    file.write_text('keys = "/safe/keys"\n' + FILE)
    assert read_config(file)[0].key_source == KeyFiles(Path("/safe/keys"))
    file.write_text('key_command = ["hsm", "--slot=1"]\n' + FILE)
    assert read_config(file)[0].key_source == KeyCommand(("hsm", "--slot=1"))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (FILE.replace("port = 9443", ""), "port"),
        (FILE + 'colour = "red"\n', "colour"),
        (FILE.replace('"simulated"', '"abacus"'), "abacus"),
        (FILE + 'traits = ["stm"]\n', "stm"),
        (FILE + 'statuses = ["Revoked"]\n', "Revoked"),
        (FILE + "[roots.least_tcb]\nsnpp = 24\n", "snpp"),
        (FILE.replace("root.der", "missing.der"), "missing.der"),
        (FILE.replace(', "https://two.example"', ""), "two nodes"),
        ("port = ", "does not describe a vault"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(file: Path, wrong: str, named: str) -> None:
    file.write_text(wrong)
    with pytest.raises(InputRefused, match=named):
        read_config(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"vault\.toml"):
        read_config(tmp_path / "vault.toml")


def test_a_file_with_a_byte_order_mark_is_read(file: Path) -> None:
    plain = read_config(file)
    file.write_text("\ufeff" + FILE)
    assert read_config(file) == plain


def test_a_file_in_another_encoding_is_refused(file: Path) -> None:
    file.write_bytes("# für\n".encode("latin-1") + FILE.encode())
    with pytest.raises(InputRefused, match="does not describe a vault"):
        read_config(file)
