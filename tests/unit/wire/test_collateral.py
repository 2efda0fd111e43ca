"""Requests to collateral services, and replies that are no collateral."""

import pytest

from sealgrid.attestation.evidence import TcbVersion
from sealgrid.errors import ServiceUnavailable
from sealgrid.wire.collateral import AmdClient, FetchReply, IntelClient

CHAINS = {
    "sgx-pck-crl-issuer-chain": "pck%20chain",
    "sgx-tcb-info-issuer-chain": "tcb%20chain",
    "sgx-enclave-identity-issuer-chain": "qe%20chain",
}
BODIES = {
    "pckcrl": b"\x30\x01",
    "rootcacrl": b"3002\n",
    "tcb": b'{"tcbInfo": {"id":  1}, "signature": "ab"}',
    "identity": b'{"enclaveIdentity": {"id": 2}, "signature": "cd"}',
}


class Service:
    """Replies by the last part of the path; records the paths."""

    def __init__(self, **changes: bytes) -> None:
        self.bodies = BODIES | changes
        self.headers = CHAINS
        self.paths: list[str] = []

    async def __call__(self, path: str) -> FetchReply:
        self.paths.append(path)
        return FetchReply(self.bodies[path.partition("?")[0].rpartition("/")[2]], self.headers)


async def test_der_and_hexadecimal_lists_and_documents_are_read_as_they_were_signed():
    collateral = await IntelClient(Service()).collateral("sgx", "00a1", "platform")
    assert (collateral.pck_crl, collateral.root_ca_crl) == ("3001", "3002")
    assert (collateral.tcb_info, collateral.qe_identity) == ('{"id":  1}', '{"id": 2}')
    assert collateral.tcb_info_issuer_chain == "tcb chain"


@pytest.mark.parametrize("part", ["tcb", "identity"])
@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b"[" * 5000])
async def test_another_document_is_an_error_of_the_service(part: str, body: bytes):
    with pytest.raises(ServiceUnavailable, match="not valid collateral"):
        await IntelClient(Service(**{part: body})).collateral("tdx", "00a1", "platform")


@pytest.mark.parametrize("header", CHAINS)
async def test_a_reply_without_a_chain_is_an_error_of_the_service(header: str):
    service = Service()
    service.headers = {name: value for name, value in CHAINS.items() if name != header}
    with pytest.raises(ServiceUnavailable, match="not valid collateral"):
        await IntelClient(service).collateral("sgx", "00a1", "platform")


@pytest.mark.parametrize(("product", "levels"), [("Milan", "blSPL=01&"), ("Turin", "fmcSPL=09&blSPL=01&")])
async def test_a_chip_certificate_is_requested_for_the_levels_of_its_product(product: str, levels: str):
    service = Service(c0de=b"certificate")
    tcb = TcbVersion(**dict.fromkeys(TcbVersion.__struct_fields__, 2) | {"bootloader": 1, "fmc": 9})
    assert await AmdClient(service).vcek(product, bytes.fromhex("c0de"), tcb) == b"certificate"
    assert service.paths[0].startswith(f"/vcek/v1/{product}/c0de?{levels}")


async def test_an_invalid_chain_of_authorities_is_an_error_of_the_service():
    with pytest.raises(ServiceUnavailable, match="not a valid certificate chain"):
        await AmdClient(Service(cert_chain=b"no PEM")).authorities("Milan", "vcek")
