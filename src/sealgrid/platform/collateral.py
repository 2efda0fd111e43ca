"""Collateral for the quotes of this machine: fetched, checked against pinned roots, kept until it expires.

What is kept is checked again whenever it is used. Of each series the highest number is remembered over restarts, and
nothing with a lower one is given out: an old service, or an old disk, cannot bring back forgiving levels.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import dcap_qvl  # type: ignore[import-untyped]
import msgspec

from sealgrid.attestation.collateral import CollateralTerms, verify_intel_collateral, verify_snp_collateral
from sealgrid.attestation.evidence import Collateral, TrustRoot
from sealgrid.attestation.snp_collateral import SnpCollateral, parse_certificate_table, parse_leaf
from sealgrid.attestation.snp_report import REPORT_BYTES, SnpReport
from sealgrid.errors import EvidenceRefused, HostFailed, ServiceUnavailable
from sealgrid.platform.hardware_quotes import RawQuote
from sealgrid.storage.atomic_file import write_file
from sealgrid.units import Digest
from sealgrid.wire.collateral import AmdClient, IntelClient

FRESH_SECONDS = 6 * 3600  #: younger collateral is not asked for again
NUMBERS = "numbers.json"

_Verify = Callable[[Collateral, Sequence[TrustRoot], int], CollateralTerms]


class _CachedCollateral(msgspec.Struct, frozen=True):
    fetched: int  #: Unix seconds
    collateral: bytes


@dataclass(frozen=True, slots=True)
class CollateralCache:
    """Serves collateral of one machine's quotes; ``folder`` is its own."""

    folder: Path
    roots: tuple[TrustRoot, ...]
    intel: IntelClient
    amd: AmdClient
    clock: Callable[[], int]  #: Unix seconds

    async def collateral_for(self, made: RawQuote) -> Collateral:
        """Return current collateral for a quote.

        What is kept and fresh is taken; else the service is asked, and when it does not answer or answers what does
        not hold, what is kept serves until it expires. Raises ServiceUnavailable or EvidenceRefused when neither is
        there, and HostFailed for a quote that names no machine.
        """
        name, verify, fetch = self._plan(made)
        kept = self._kept(name, verify)
        if kept is not None and self.clock() - kept.fetched < FRESH_SECONDS:
            return Collateral(kept.collateral)
        try:
            fetched = await fetch()
            self._keep(name, fetched, verify(fetched, self.roots, self.clock()))
        except (ServiceUnavailable, EvidenceRefused):
            if kept is None:
                raise
            return Collateral(kept.collateral)
        return fetched

    def _plan(self, made: RawQuote) -> tuple[str, _Verify, Callable[[], Awaitable[Collateral]]]:
        try:
            if len(made.raw) == REPORT_BYTES:
                return self._plan_snp(SnpReport(made.raw), parse_certificate_table(made.certificates))
            return self._plan_intel(dcap_qvl.Quote.parse(made.raw))
        except ValueError as error:
            said = str(error).partition("\n")[0]  # dcap-qvl writes several lines
            raise HostFailed(f"the quote names no machine that collateral could be asked for: {said}.") from error

    def _plan_intel(self, quote: dcap_qvl.Quote) -> tuple[str, _Verify, Callable[[], Awaitable[Collateral]]]:
        tee: Literal["sgx", "tdx"] = "sgx" if quote.is_sgx() else "tdx"
        fmspc, authority = quote.fmspc(), quote.ca()

        async def fetch() -> Collateral:
            return (await self.intel.collateral(tee, fmspc, authority)).encode()

        return f"{tee}-{fmspc}-{authority}", verify_intel_collateral, fetch

    def _plan_snp(
        self, report: SnpReport, given: dict[str, bytes]
    ) -> tuple[str, _Verify, Callable[[], Awaitable[Collateral]]]:
        leaf = given.get("vcek") or given.get("vlek")
        product = report.product or (parse_leaf(leaf).product if leaf else None)
        if product is None:
            raise ValueError("the report tells no product, and the host gave no certificate")
        kind: Literal["vcek", "vlek"] = "vlek" if report.signing_key else "vcek"
        if kind == "vlek" and leaf is None:
            raise ValueError("a provider's certificate comes from the host, which gave none")
        tcb = report.reported_tcb(product)

        async def fetch() -> Collateral:
            chip = report.chip_id[:8] if product == "Turin" else report.chip_id
            intermediate, root = await self.amd.authorities(product, kind)
            return SnpCollateral(
                leaf=leaf or await self.amd.vcek(product, chip, tcb),
                intermediate=intermediate,
                root=root,
                revocation_list=await self.amd.revocation_list(product, kind),
            ).encode()

        levels = "-".join(str(getattr(tcb, part)) for part in tcb.__struct_fields__)
        return f"snp-{product}-{kind}-{report.chip_id.hex()[:32]}-{levels}", verify_snp_collateral, fetch

    def _kept(self, name: str, verify: _Verify) -> _CachedCollateral | None:
        try:
            kept = msgspec.json.decode(self._path(name).read_bytes(), type=_CachedCollateral)
            self._expect_newest(verify(Collateral(kept.collateral), self.roots, self.clock()))
        except (OSError, msgspec.MsgspecError, EvidenceRefused):
            return None
        return kept

    def _keep(self, name: str, collateral: Collateral, terms: CollateralTerms) -> None:
        self._expect_newest(terms)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        numbers = {**self._numbers(), terms.series: terms.number}
        write_file(self.folder / NUMBERS, msgspec.json.encode(numbers))  # first: a number is never forgotten
        write_file(self._path(name), msgspec.json.encode(_CachedCollateral(self.clock(), collateral.raw)))

    def _expect_newest(self, terms: CollateralTerms) -> None:
        if terms.number < self._numbers().get(terms.series, 0):  # (2.5)
            raise EvidenceRefused("2.5", "the collateral is older than what was seen before; ask another service.")

    def _numbers(self) -> dict[Digest, int]:
        try:
            return msgspec.json.decode((self.folder / NUMBERS).read_bytes(), type=dict[Digest, int])
        except FileNotFoundError:
            return {}
        except msgspec.MsgspecError as error:
            raise HostFailed(f"{self.folder / NUMBERS} cannot be read; restore or remove it.") from error

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"
