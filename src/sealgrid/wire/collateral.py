"""Clients of collateral services: Intel's PCS (API version 4) or a PCCS, AMD's KDS (AMD 57230).

Answers are untrusted: ``attestation.collateral`` checks the signatures.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import quote, unquote, urlencode

import httpx
import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from sealgrid.attestation.certificates import load_chain
from sealgrid.attestation.collateral import IntelCollateral
from sealgrid.attestation.evidence import TcbVersion
from sealgrid.errors import DECODE_ERRORS, ServiceUnavailable
from sealgrid.wire.http_transport import ACCEPTED, read_bounded

MAX_REPLY_BYTES = 1 << 20
_HEX = re.compile(rb"\A[0-9a-fA-F\s]+\Z")


@dataclass(frozen=True, slots=True)
class FetchReply:
    """An answer; header names are in lower case."""

    body: bytes
    headers: Mapping[str, str]


class Fetch(Protocol):
    """Fetches a path of one service."""

    async def __call__(self, path: str) -> FetchReply:
        """Return the answer; raise ServiceUnavailable if there is none."""


class HttpFetch:
    """Fetches from one base URL over HTTP."""

    def __init__(self, base: str, client: httpx.AsyncClient) -> None:
        self._base, self._client = base.rstrip("/"), client

    async def __call__(self, path: str) -> FetchReply:
        """Return the answer; raise ServiceUnavailable."""
        try:
            async with self._client.stream("GET", self._base + path, headers=ACCEPTED) as answer:
                body = await read_bounded(answer, MAX_REPLY_BYTES, self._base)
        except httpx.HTTPError as error:
            raise ServiceUnavailable(f"{self._base} does not answer ({type(error).__name__}).") from error
        if not answer.is_success:
            raise ServiceUnavailable(f"{self._base} answered {answer.status_code} for {path.partition('?')[0]}.")
        return FetchReply(body, {name.lower(): value for name, value in answer.headers.items()})


class _TcbInfo(msgspec.Struct, frozen=True):
    document: msgspec.Raw = msgspec.field(name="tcbInfo")
    signature: str


class _Identity(msgspec.Struct, frozen=True):
    document: msgspec.Raw = msgspec.field(name="enclaveIdentity")
    signature: str


class IntelClient:
    """Client of Intel's Provisioning Certification Service, API version 4, or of a PCCS."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def collateral(
        self, tee: Literal["sgx", "tdx"], fmspc: str, authority: Literal["processor", "platform"]
    ) -> IntelCollateral:
        """Return the collateral of a family of machines; raise ServiceUnavailable, also for an invalid answer.

        Requests Intel's early updates: vaults refuse older collateral once they used an early update.
        """
        revoked = await self._fetch(f"/sgx/certification/v4/pckcrl?ca={authority}&encoding=der")
        root = await self._fetch("/sgx/certification/v4/rootcacrl")
        levels = await self._fetch(f"/{tee}/certification/v4/tcb?fmspc={fmspc}&update=early")
        identity = await self._fetch(f"/{tee}/certification/v4/qe/identity?update=early")
        chains = ("tcb-info-issuer-chain", "sgx-tcb-info-issuer-chain")  # header of TDX, of SGX
        try:
            info = msgspec.json.decode(levels.body, type=_TcbInfo)
            quoting = msgspec.json.decode(identity.body, type=_Identity)
            return IntelCollateral(
                pck_crl_issuer_chain=unquote(revoked.headers["sgx-pck-crl-issuer-chain"]),
                root_ca_crl=_der_in_hex(root.body),
                pck_crl=_der_in_hex(revoked.body),
                tcb_info_issuer_chain=unquote(next(levels.headers[name] for name in chains if name in levels.headers)),
                tcb_info=bytes(info.document).decode(),
                tcb_info_signature=info.signature,
                qe_identity_issuer_chain=unquote(identity.headers["sgx-enclave-identity-issuer-chain"]),
                qe_identity=bytes(quoting.document).decode(),
                qe_identity_signature=quoting.signature,
            )
        except (KeyError, StopIteration, *DECODE_ERRORS) as error:
            raise ServiceUnavailable("the answer of the collateral service is not valid collateral.") from error


class AmdClient:
    """Client of AMD's Key Distribution Service (AMD 57230)."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def vcek(self, product: str, chip: bytes, tcb: TcbVersion) -> bytes:
        """Return the certificate of a chip's key for this firmware, DER."""
        parts = {"blSPL": tcb.bootloader, "teeSPL": tcb.tee, "snpSPL": tcb.snp, "ucodeSPL": tcb.microcode}
        if product == "Turin":
            parts = {"fmcSPL": tcb.fmc, **parts}
        levels = urlencode({name: f"{value:02}" for name, value in parts.items()})
        return (await self._fetch(f"/vcek/v1/{quote(product)}/{chip.hex()}?{levels}")).body

    async def authorities(self, product: str, kind: Literal["vcek", "vlek"]) -> tuple[bytes, bytes]:
        """Return intermediate and root of a product, DER: ASK or ASVK, ARK."""
        answer = await self._fetch(f"/{kind}/v1/{quote(product)}/cert_chain")
        try:
            intermediate, root = load_chain(answer.body)
        except ValueError as error:
            raise ServiceUnavailable("the answer of the key service is not a valid certificate chain.") from error
        return intermediate.public_bytes(Encoding.DER), root.public_bytes(Encoding.DER)

    async def revocation_list(self, product: str, kind: Literal["vcek", "vlek"]) -> bytes:
        """Return the root's list, DER."""
        return (await self._fetch(f"/{kind}/v1/{quote(product)}/crl")).body


def _der_in_hex(body: bytes) -> str:
    # PCS answers DER; PCCS answers the same in hexadecimal.
    return body.decode().strip().lower() if _HEX.match(body) else body.hex()
