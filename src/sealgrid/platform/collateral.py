"""Cache of collateral for this machine's quotes: fetched, verified against pinned roots, used until it expires.

Cached collateral is verified again at each use. The highest number of each series is stored, and lower ones are
refused: an old service or an old disk cannot roll back TCB levels.
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

FRESH_SECONDS = 6 * 3600  #: maximum age without a new request
NUMBERS = "numbers.json"

_Verify = Callable[[Collateral, Sequence[TrustRoot], int], CollateralTerms]


class _CachedCollateral(msgspec.Struct, frozen=True):
    fetched: int  #: Unix seconds
    collateral: bytes


@dataclass(frozen=True, slots=True)
class CollateralCache:
    """Collateral of one machine's quotes; ``folder`` is private to the cache."""

    folder: Path
    roots: tuple[TrustRoot, ...]
    intel: IntelClient
    amd: AmdClient
    clock: Callable[[], int]  #: Unix seconds

    async def collateral_for(self, quote: RawQuote) -> Collateral:
        """Return current collateral for a quote.

        Fresh collateral comes from the cache, else from the service. If the service is down or its answer is invalid,
        cached collateral is used until it expires. Raises ServiceUnavailable or EvidenceRefused if there is none, and
        HostFailed for a quote that identifies no machine.
        """
        name, verify, fetch = self._collateral_source(quote)
        cached = self._load_valid(name, verify)
        if cached is not None and self.clock() - cached.fetched < FRESH_SECONDS:
            return Collateral(cached.collateral)
        try:
            fetched = await fetch()
            self._store(name, fetched, verify(fetched, self.roots, self.clock()))
        except (ServiceUnavailable, EvidenceRefused):
            if cached is None:
                raise
            return Collateral(cached.collateral)
        return fetched

    def _collateral_source(self, quote: RawQuote) -> tuple[str, _Verify, Callable[[], Awaitable[Collateral]]]:
        try:
            if len(quote.raw) == REPORT_BYTES:
                return self._snp_source(SnpReport(quote.raw), parse_certificate_table(quote.certificates))
            return self._intel_source(dcap_qvl.Quote.parse(quote.raw))
        except ValueError as error:
            reason = str(error).partition("\n")[0]  # dcap-qvl writes several lines
            raise HostFailed(f"the quote identifies no machine to fetch collateral for: {reason}.") from error

    def _intel_source(self, quote: dcap_qvl.Quote) -> tuple[str, _Verify, Callable[[], Awaitable[Collateral]]]:
        tee: Literal["sgx", "tdx"] = "sgx" if quote.is_sgx() else "tdx"
        fmspc, authority = quote.fmspc(), quote.ca()

        async def fetch() -> Collateral:
            return (await self.intel.collateral(tee, fmspc, authority)).encode()

        return f"{tee}-{fmspc}-{authority}", verify_intel_collateral, fetch

    def _snp_source(
        self, report: SnpReport, certificates: dict[str, bytes]
    ) -> tuple[str, _Verify, Callable[[], Awaitable[Collateral]]]:
        leaf = certificates.get("vcek") or certificates.get("vlek")
        product = report.product or (parse_leaf(leaf).product if leaf else None)
        if product is None:
            raise ValueError("the report has no product, and the host gave no certificate")
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

    def _load_valid(self, name: str, verify: _Verify) -> _CachedCollateral | None:
        try:
            cached = msgspec.json.decode(self._path(name).read_bytes(), type=_CachedCollateral)
            self._check_rollback(verify(Collateral(cached.collateral), self.roots, self.clock()))
        except (OSError, msgspec.MsgspecError, EvidenceRefused):
            return None
        return cached

    def _store(self, name: str, collateral: Collateral, terms: CollateralTerms) -> None:
        self._check_rollback(terms)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        numbers = {**self._numbers(), terms.series: terms.number}
        write_file(self.folder / NUMBERS, msgspec.json.encode(numbers))  # first, so a number is never lost
        write_file(self._path(name), msgspec.json.encode(_CachedCollateral(self.clock(), collateral.raw)))

    def _check_rollback(self, terms: CollateralTerms) -> None:
        if terms.number < self._numbers().get(terms.series, 0):  # (2.5)
            raise EvidenceRefused("2.5", "the collateral is older than collateral used before; use another service.")

    def _numbers(self) -> dict[Digest, int]:
        try:
            return msgspec.json.decode((self.folder / NUMBERS).read_bytes(), type=dict[Digest, int])
        except FileNotFoundError:
            return {}
        except msgspec.MsgspecError as error:
            raise HostFailed(f"{self.folder / NUMBERS} cannot be read; restore or remove it.") from error

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"
