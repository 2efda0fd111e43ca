"""Collateral is fetched once, cached until it expires, never rolled back, and accepted from pinned roots only."""

import json
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sealgrid.attestation.binding import locked_config
from sealgrid.attestation.certificates import load_certificate
from sealgrid.attestation.collateral import verify_intel_collateral, verify_snp_collateral
from sealgrid.attestation.evidence import Collateral, Quote, TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.simulated import SimulatedQuoter
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.attestation.snp_collateral import parse_certificate_table
from sealgrid.attestation.verification import verify
from sealgrid.errors import EvidenceRefused, HostFailed, ServiceUnavailable
from sealgrid.platform.collateral import FRESH_SECONDS, NUMBERS, CollateralCache
from sealgrid.platform.hardware_quotes import RawQuote
from sealgrid.units import to_digest
from sealgrid.wire.collateral import AmdClient, HttpFetch, IntelClient
from tests.unit.attestation.snp_machine import CHIP, NOW, SnpMachine, report
from tests.unit.platform.collateral_services import Service, amd_answers, intel_answers, served

DAY = 24 * 3600
MACHINE = SimulatedQuoter(SimulatedPlatformKeys.generate(NOW), now=NOW)
OTHER = SimulatedQuoter(SimulatedPlatformKeys.generate(NOW), now=NOW)
TD = RawQuote(MACHINE.quote(bytes(48), locked_config(to_digest(b"\xaa" * 32)), bytes(64)).raw)
AMD = SnpMachine()
SNP = RawQuote(report())
KINDS = {
    "vcek": "63da758d-e664-4564-adc5-f4b93be8accd",
    "vlek": "a8074bc2-a25a-483e-aae6-39c045a0b8a1",
    "unknown": "00000000-0000-0000-0000-0000000000ff",
}
SHARED = Path(__file__).parents[3].parent / "shared" / "data"


def table(le=True, **certificates):
    head, body = b"", b""
    for kind, der in certificates.items():
        guid = UUID(KINDS[kind])
        start = 24 * (len(certificates) + 1) + len(body)
        head += (guid.bytes_le if le else guid.bytes) + start.to_bytes(4, "little") + len(der).to_bytes(4, "little")
        body += der
    return head + bytes(24) + body


def pem(*ders):
    return b"".join(load_certificate(der).public_bytes(Encoding.PEM) for der in ders)


def under(**terms):
    return intel_answers(MACHINE.collateral_with(**terms), "tdx")


class Scene:
    """One cache with its two services and a clock."""

    def __init__(self, folder, *, intel=None, amd=None):
        self.now = NOW
        self.intel = Service(intel or under())
        self.amd = Service(amd or amd_answers(AMD.collateral(), "Milan", "vcek", CHIP, pem))
        self.folder = folder
        self.roots = (MACHINE.trust_root, AMD.root)

    @property
    def cache(self):
        return CollateralCache(self.folder, self.roots, IntelClient(self.intel), AmdClient(self.amd), lambda: self.now)

    async def get(self, quote=TD):
        return await self.cache.collateral_for(quote)


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path / "collateral")


async def refused(scene, number, quote=TD):
    with pytest.raises(EvidenceRefused) as caught:
        await scene.get(quote)
    assert caught.value.check == number, caught.value


@pytest.mark.parametrize("hexadecimal", [False, True])
async def test_what_intels_service_answers_verifies_the_quote(scene, hexadecimal):
    scene.intel.answers = intel_answers(MACHINE.collateral, "tdx", hexadecimal=hexadecimal)
    found = await scene.get()
    assert verify(Quote(TD.raw, found), [MACHINE.trust_root], at=NOW, allow_simulated=True).eval_number == 17
    assert "/tdx/certification/v4/tcb?fmspc=51D000000000&update=early" in scene.intel.requests


async def test_what_amds_service_answers_verifies_the_report(scene):
    known = RawQuote(report(), table(vcek=AMD.collateral().leaf))
    found = await scene.get(known)
    assert verify(Quote(SNP.raw, found), [AMD.root], at=NOW, allow_simulated=False).eval_number == 5


async def test_a_chips_certificate_is_asked_for_by_its_id_and_firmware(scene):
    milan = report(cpuid=(0x19, 0x01))
    found = await scene.get(RawQuote(milan))
    assert verify(Quote(milan, found), [AMD.root], at=NOW, allow_simulated=False)
    (path,) = [path for path in scene.amd.requests if CHIP.hex() in path]
    assert path.endswith("?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219")


async def test_collateral_is_fetched_once_while_it_is_fresh_and_outlives_a_restart(scene):
    first = await scene.get()
    count = len(scene.intel.requests)
    scene.now += FRESH_SECONDS - 1
    assert await scene.get() == first  # each call opens the folder anew
    assert len(scene.intel.requests) == count
    scene.now += 1
    await scene.get()
    assert len(scene.intel.requests) > count


async def test_what_is_kept_serves_while_the_service_is_down_until_it_expires(scene):
    cached = await scene.get()
    scene.intel.down = True
    scene.now += 29 * DAY
    assert await scene.get() == cached
    scene.now += 2 * DAY
    with pytest.raises(ServiceUnavailable):
        await scene.get()


async def test_2_1_what_is_no_collateral_is_not_kept(scene):
    scene.intel.answers["/sgx/certification/v4/pckcrl"] = replace(
        scene.intel.answers["/sgx/certification/v4/pckcrl"], body=b"no list"
    )
    await refused(scene, "2.1")
    assert not scene.folder.exists()


async def test_2_2_collateral_of_another_authority_is_not_kept(scene):
    scene.intel.answers = intel_answers(OTHER.collateral, "tdx")
    await refused(scene, "2.2")
    scene.amd.answers = amd_answers(SnpMachine(authority="theirs").collateral(), "Milan", "vcek", CHIP, pem)
    await refused(scene, "2.2", RawQuote(report(cpuid=(0x19, 1))))
    assert not scene.folder.exists()


@pytest.mark.parametrize("part", ["tcb_info", "qe_identity"])
async def test_2_4_a_document_that_was_changed_is_not_kept(scene, part):
    changed = json.loads(MACHINE.collateral.raw)
    changed[part] = changed[part].replace("UpToDate", "UpToDatf", 1)
    scene.intel.answers = intel_answers(Collateral(json.dumps(changed).encode()), "tdx")
    await refused(scene, "2.4")


@pytest.mark.parametrize("part", ["root_ca_crl", "pck_crl"])
async def test_2_4_a_list_that_another_authority_signed_is_not_kept(scene, part):
    mixed = json.loads(MACHINE.collateral.raw) | {part: json.loads(OTHER.collateral.raw)[part]}
    scene.intel.answers = intel_answers(Collateral(json.dumps(mixed).encode()), "tdx")
    await refused(scene, "2.4")


@pytest.mark.parametrize("days", [-2, 40])
async def test_2_4_collateral_of_another_time_is_not_kept(scene, days):
    scene.now += days * DAY
    await refused(scene, "2.4")


async def test_2_5_an_older_answer_than_one_that_was_seen_is_not_kept_even_after_a_restart(scene):
    newer = under(evaluation=18)
    scene.intel.answers = newer
    await scene.get()
    for file in scene.folder.glob("tdx-*"):
        file.unlink()  # the disk loses the cache and not the numbers
    scene.intel.answers = under(evaluation=17)
    await refused(scene, "2.5")
    scene.intel.answers = newer
    assert await scene.get()


async def test_2_5_an_older_answer_does_not_replace_what_is_kept(scene):
    scene.intel.answers = under(evaluation=18)
    cached = await scene.get()
    scene.intel.answers = under(evaluation=17)
    scene.now += FRESH_SECONDS
    assert await scene.get() == cached


async def test_2_5_an_old_file_put_back_is_fetched_anew(scene):
    await scene.get()
    (file,) = scene.folder.glob("tdx-*")
    old = file.read_bytes()
    scene.intel.answers = under(evaluation=18)
    scene.now += FRESH_SECONDS
    newer = await scene.get()
    file.write_bytes(old)
    assert await scene.get() == newer


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff", b'{"fetched":9999999999,"collateral":""}'])
async def test_a_damaged_file_is_fetched_anew(scene, damage):
    cached = await scene.get()
    (file,) = scene.folder.glob("tdx-*")
    file.write_bytes(damage)
    assert await scene.get() == cached


async def test_damaged_numbers_are_never_taken_for_none(scene):
    await scene.get()
    (scene.folder / NUMBERS).write_bytes(b"{")
    with pytest.raises(HostFailed, match="cannot be read"):
        await scene.get()


@pytest.mark.parametrize("path", ["/tdx/certification/v4/tcb", "/tdx/certification/v4/qe/identity"])
@pytest.mark.parametrize("body", [b"", b"[]", b'{"signature":1}'])
async def test_a_service_that_answers_something_else_is_no_service(scene, path, body):
    scene.intel.answers[path] = replace(scene.intel.answers[path], body=body)
    with pytest.raises(ServiceUnavailable):
        await scene.get()


async def test_a_provider_has_its_certificate_from_the_host_alone(scene):
    quote = report(signing_key=1, chip=bytes(64), cpuid=(0x19, 1))
    with pytest.raises(HostFailed, match="host"):
        await scene.get(RawQuote(quote))
    parts = AMD.collateral(vlek=True)
    scene.amd.answers = amd_answers(parts, "Milan", "vlek", bytes(64), pem)
    found = await scene.get(RawQuote(quote, table(vlek=parts.leaf)))
    root = replace(AMD.root, traits=frozenset({"provider_key"}))
    assert verify(Quote(quote, found), [root], at=NOW, allow_simulated=False).machine


async def test_a_report_without_a_product_needs_the_hosts_certificate(scene):
    with pytest.raises(HostFailed, match="product"):
        await scene.get(RawQuote(report(version=2)))


@pytest.mark.parametrize("raw", [b"", b"quote", bytes(1184), bytes(5000)])
async def test_what_is_no_quote_names_no_machine(scene, raw):
    with pytest.raises(HostFailed):
        await scene.get(RawQuote(raw))
    assert scene.intel.requests == scene.amd.requests == []


@pytest.mark.parametrize("le", [True, False])
def test_a_hosts_table_is_read_in_either_order_of_bytes(le):
    assert parse_certificate_table(table(le, unknown=b"?", vcek=b"leaf")) == {"vcek": b"leaf"}
    assert parse_certificate_table(b"") == parse_certificate_table(bytes(4096)) == {}


@pytest.mark.parametrize("broken", [table(vcek=b"leaf")[:-1], b"\x01" * 24, b"\x01".ljust(16, b"\0") * 200])
def test_a_hosts_table_that_points_outside_of_itself_is_refused(broken):
    with pytest.raises(ValueError, match="table"):
        parse_certificate_table(broken)


async def test_collateral_is_fetched_over_http(scene, tmp_path):
    with served(scene.intel.answers | scene.amd.answers) as base:
        async with httpx.AsyncClient(trust_env=False) as http_client:
            fetch = HttpFetch(base, http_client)
            cache = CollateralCache(tmp_path / "cache", scene.roots, IntelClient(fetch), AmdClient(fetch), lambda: NOW)
            assert await cache.collateral_for(TD)
            with pytest.raises(ServiceUnavailable, match="404"):
                await fetch("/elsewhere")
    async with httpx.AsyncClient(trust_env=False) as http_client:
        with pytest.raises(ServiceUnavailable, match="does not answer"):
            await HttpFetch(base, http_client)("/")


def test_the_terms_of_collateral_are_the_earliest_end_and_the_lower_number():
    found = verify_intel_collateral(MACHINE.collateral, [MACHINE.trust_root], NOW)
    assert (found.number, found.expires) == (17, NOW + 30 * DAY)
    amd = verify_snp_collateral(AMD.collateral().encode(), [AMD.root], NOW)
    assert (amd.number, amd.expires) == (5, NOW + DAY)


@pytest.mark.recorded
@pytest.mark.skipif(not SHARED.is_dir(), reason="recorded evidence lies beside the checkout, and does not here")
@pytest.mark.parametrize("kind", ["sgx", "tdx"])
async def test_recorded_collateral_of_intel_is_served_locally_until_it_expires(tmp_path, kind):
    raw = (SHARED / f"quotes/{kind}_quote").read_bytes()
    collateral = Collateral((SHARED / f"quotes/{kind}_quote_collateral.json").read_bytes())
    last = x509.load_pem_x509_certificate(raw[raw.rindex(b"-----BEGIN") :].rstrip(b"\0"))
    scene = Scene(tmp_path / "cache", intel=intel_answers(collateral, kind))
    scene.roots = (TrustRoot(Platform[kind.upper()], last.public_bytes(Encoding.DER)),)
    scene.now = 1_750_334_400  # 2025-06-19
    assert json.loads((await scene.get(RawQuote(raw))).raw) == json.loads(collateral.raw)
    scene.now += 60 * DAY
    await refused(scene, "2.4", RawQuote(raw))
