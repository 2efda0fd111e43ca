"""Verification of a real receipt on a machine without a network; every change to it is detected."""

import json
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from sealgrid.attestation.facts import parse_facts, secrets_digest
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.receipts.receipt import ReceiptEnvelope, SignedRelease, SignedVerdict, parse_envelope, sign_body
from sealgrid.sdk.network import Network
from sealgrid.units import to_digest
from sealgrid.vault.keys import load_key_files
from tests.e2e.running_network import SEALGRID
from tests.e2e.shell import Shell
from tests.unit.cli.cli_runner import CliResult, run_cli
from tests.unit.receipts.receipt_mutations import leaves, mutate, number_for

ROOT = Path(__file__).resolve().parents[2]
OFF_LINE = [shutil.which("bwrap") or "bwrap", "--dev-bind", "/", "/", "--unshare-net"]
STRANGER = SigningKey.from_bytes(b"\x77" * 32)

pytestmark = pytest.mark.localnet

replace = msgspec.structs.replace


@dataclass(frozen=True)
class Bought:
    """The receipts of two runs of one app on one model, and everything that a verifier pins."""

    folder: Path
    first: bytes
    second: bytes
    network: Network

    @property
    def domain(self) -> Domain:
        return Domain(chain=self.network.chain, broker=self.network.broker)

    def pins(self, **other: object) -> list[str]:
        """Return every pin as an option; then only the receipt and the root are read from files."""
        (self.folder / "root.pem").write_text(ssl.DER_cert_to_PEM_cert(self.network.roots[0].root_ca_der))
        pins = {
            "vaults": ",".join(vault.address for vault in self.network.vaults),
            "chain": self.network.chain,
            "hub": self.network.hub,
            "broker": self.network.broker,
            "runtime": self.network.runtimes[0],
            "root": f"simulated={self.folder / 'root.pem'}",
        }
        return [str(word) for name, pin in (pins | other).items() for word in (f"--{name}", pin)]

    def verify(self, receipt: bytes, **other_pins: object) -> CliResult:
        (self.folder / "receipt.json").write_bytes(receipt)
        empty_home = self.folder / "nowhere"
        return run_cli("receipt", "verify", self.folder / "receipt.json", *self.pins(**other_pins), home=empty_home)

    def refused_at(self, number: int, receipt: bytes, **other_pins: object) -> None:
        """Assert that exactly the checks before ``number`` hold, and that the error line names it."""
        ended = self.verify(receipt, **other_pins)
        printed = re.findall(r"^\( ?(\d+)\) (holds |FAILED)", ended.out, re.MULTILINE)
        assert printed == [(str(n), "holds " if n < number else "FAILED") for n in (*range(1, 14), 20)], ended.err
        assert ended.code == 1
        assert ended.err.startswith(f"sealgrid: ({number})")
        assert len(ended.err.strip().splitlines()) == 1


@pytest.fixture(scope="module")
def bought(localnet, tmp_path_factory) -> Bought:
    folder = tmp_path_factory.mktemp("receipts")
    app = shutil.copytree(ROOT / "src/sealgrid/shipped_apps" / "hash_file", folder / "app")
    (app / "app.toml").write_text((app / "app.toml").read_text().replace('"hash-file"', '"hash-file-receipts"'))
    (folder / "input").write_text("a requester's input")
    sealgrid = Shell(folder, localnet.layout.root)
    address = sealgrid.output("app", "deploy", "./app").split()[0]
    sealgrid.output(
        "model", "publish", "input", "--no-check-file", "--app", address, "--price", "1", "--name", "receipts"
    )
    for out in ("first", "second"):
        sealgrid.output("run", address, "--model", "receipts", "--file", "input", "--out", out)
    first, second = ((folder / out / "receipt.json").read_bytes() for out in ("first", "second"))
    return Bought(folder, first, second, localnet.network)


def test_the_receipt_verifies_with_only_the_pins(bought):
    ended = bought.verify(bought.first)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("all 14 checks hold\n")


def test_it_is_verified_at_the_time_of_its_verdicts(bought, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 4_000_000_000.0)  # the year 2096: its collateral has expired
    assert bought.verify(bought.first).code == 0


def off_line(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*OFF_LINE, *command], capture_output=True, text=True, check=False, timeout=60)


def test_it_is_verified_in_an_empty_network_namespace(bought):
    receipt = bought.folder / "first" / "receipt.json"
    verified = off_line(SEALGRID, "receipt", "verify", str(receipt), *bought.pins())
    assert verified.returncode == 0, verified.stderr
    assert "all 14 checks hold" in verified.stdout
    online = off_line(
        SEALGRID, "receipt", "verify", str(receipt), "--network", str(receipt.parent / "network.json"), "--online"
    )
    assert online.returncode == 1  # control: the running network is unreachable from there
    assert online.stderr.startswith("sealgrid: ")
    assert "does not answer" in online.stderr
    assert len(online.stderr.strip().splitlines()) == 1


@pytest.mark.long
def test_a_change_of_any_value_fails_at_its_number(bought):
    paths = list(leaves(json.loads(bought.first)))
    assert len(paths) > 90
    for path in paths:
        bought.refused_at(number_for(path), mutate(bought.first, path))


def test_any_other_encoding_of_the_same_values_fails_at_check_1(bought):
    pretty = json.dumps(json.loads(bought.first)).encode()
    for spelling in (
        pretty,
        bought.first + b"\n",
        bought.first[:-1],
        b"",
        b"\xff",
        bought.first.replace(b"{", b'{"x":1,', 1),
    ):
        bought.refused_at(1, spelling)


def mixed(bought: Bought, *names: str) -> bytes:
    """Return the first receipt with these parts of the second."""
    first, second = parse_envelope(bought.first), parse_envelope(bought.second)
    return replace(first, **{name: getattr(second, name) for name in names}).encode()


@pytest.mark.parametrize(
    ("number", "parts"),
    [
        (5, ["facts"]),
        (5, ["releases"]),
        (6, ["receipt"]),
        (6, ["facts", "releases"]),
        (7, ["settle"]),
        (7, ["settle_signature"]),
        (7, ["settle", "settle_signature"]),
        (7, ["receipt", "facts", "releases"]),
        (9, ["verdicts"]),
        (9, ["receipt", "facts", "releases", "settle", "settle_signature"]),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else None,
)
def test_parts_of_another_jobs_receipt_are_refused(bought, number, parts):
    bought.refused_at(number, mixed(bought, *parts))


@pytest.mark.parametrize(("number", "part"), [(5, "releases"), (9, "verdicts")])
def test_fewer_statements_of_vaults_than_the_threshold_are_refused(bought, number, part):
    whole = parse_envelope(bought.first)
    one = dict(list(getattr(whole, part).items())[:1])
    bought.refused_at(number, replace(whole, **{part: one}).encode())


@pytest.mark.parametrize(("number", "part"), [(5, "releases"), (9, "verdicts")])
def test_a_statement_under_another_vaults_address_is_refused(bought, number, part):
    whole = parse_envelope(bought.first)
    statements = getattr(whole, part)
    turned = dict(zip(statements, [*list(statements.values())[1:], next(iter(statements.values()))], strict=True))
    bought.refused_at(number, replace(whole, **{part: turned}).encode())


def signed_by_a_stranger(bought: Bought) -> dict[int, ReceiptEnvelope]:
    """Return copies of the first receipt, each with one signature by an unpinned key, by the number of the check."""
    whole, domain = parse_envelope(bought.first), bought.domain
    body, (vault, released), (judge, judged) = whole.receipt.body, first_of(whole.releases), first_of(whole.verdicts)
    release = replace(released, signature=released.release.sign(domain, STRANGER))
    verdict = replace(judged, signature=judged.verdict.sign(domain, STRANGER))
    return {
        4: replace(whole, receipt=sign_body(body, domain, STRANGER)),
        5: replace(whole, releases=whole.releases | {vault: release}),
        6: replace(whole, receipt=sign_body(replace(body, enclave=STRANGER.address), domain, STRANGER)),
        7: replace(whole, settle_signature=whole.settle.sign(domain, STRANGER)),
        9: replace(whole, verdicts=whole.verdicts | {judge: verdict}),
    }


def first_of(statements: dict) -> tuple:
    return next(iter(statements.items()))


@pytest.mark.parametrize("number", [4, 5, 6, 7, 9])
def test_a_signature_of_a_stranger_is_refused(bought, number):
    bought.refused_at(number, signed_by_a_stranger(bought)[number].encode())


def forged(bought: Bought, layout, **settled: object) -> bytes:
    """Return a receipt that all vaults forged with their own keys: every signature is valid, but the quote is not."""
    whole, domain = parse_envelope(bought.first), bought.domain
    facts = replace(parse_facts(whole.facts.encode()), enclave=STRANGER.address)
    body = replace(whole.receipt.body, enclave=STRANGER.address)
    receipt = sign_body(body, domain, STRANGER)
    settle = replace(
        whole.settle, enclave=STRANGER.address, result_digest=body.result_digest, receipt_sha256=receipt.sha256()
    )
    settle = replace(settle, **settled)
    (_, released), (_, judged) = first_of(whole.releases), first_of(whole.verdicts)
    release = replace(released.release, facts=to_digest(sha256(facts.encode())), secrets=secrets_digest(facts))
    verdict = replace(judged.verdict, enclave=STRANGER.address, settle=to_digest(settle.struct_hash()))
    vaults = [load_key_files(layout.part(f"vault-{n}")).signing for n in (1, 2, 3)]
    return replace(
        whole,
        receipt=receipt,
        facts=facts.encode().decode(),
        settle=settle,
        settle_signature=settle.sign(domain, STRANGER),
        releases={key.address: SignedRelease(release=release, signature=release.sign(domain, key)) for key in vaults},
        verdicts={key.address: SignedVerdict(verdict=verdict, signature=verdict.sign(domain, key)) for key in vaults},
    ).encode()


def test_all_vaults_together_cannot_make_a_receipt_without_an_enclave(bought, localnet):
    bought.refused_at(12, forged(bought, localnet.layout))


def test_a_settled_digest_that_does_not_follow_from_the_receipt_is_refused(bought, localnet):
    bought.refused_at(8, forged(bought, localnet.layout, result_digest="0x" + "11" * 32))


def another_root(folder: Path) -> Path:
    path = folder / "another.der"
    path.write_bytes(SimulatedPlatformKeys.generate(now=int(time.time()), days=30).root_der)
    return path


OTHER_PINS: dict[int, Callable[[Bought], dict[str, object]]] = {
    2: lambda bought: {"hub": bought.network.token},
    3: lambda bought: {"vaults": ",".join("0x" + digit * 40 for digit in "123")},
    10: lambda bought: {"root": f"simulated={another_root(bought.folder)}"},
    11: lambda bought: {"runtime": "0x" + "11" * 32},
}


@pytest.mark.parametrize("number", OTHER_PINS)
def test_pinned_values_are_never_taken_from_the_receipt(bought, number):
    bought.refused_at(number, bought.first, **OTHER_PINS[number](bought))
