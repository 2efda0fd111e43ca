"""Messages and client of the authority that certifies simulated machines (docs/protocol/joining-machines.md)."""

from sealgrid.attestation.statements import MachineEnrolment
from sealgrid.units import Digest
from sealgrid.wire.admission import SignedAdmission
from sealgrid.wire.message import Message, Transport, call

PIECE_BYTES = 4 << 20  #: size of one transferred piece of the runtime's archive


class EnrolmentRequest(Message, frozen=True, kw_only=True):
    """Request for a certificate of a machine's key."""

    public: bytes  #: P-256 point, x ‖ y, 64 bytes
    enrolment: MachineEnrolment
    signature: bytes  #: of the worker
    admission: SignedAdmission  #: of the worker's pool


class EnrolmentReply(Message, frozen=True, kw_only=True):
    """The certificates of a machine's key."""

    chain: str  #: PEM: machine, intermediate authority, root
    root_ca_der: bytes


class MachineCollateral(Message, frozen=True, kw_only=True):
    """Current collateral of the authority's machines, which names revoked ones."""

    collateral: bytes


class RuntimeArchive(Message, frozen=True, kw_only=True):
    """The archive of the network's runtime image."""

    runtime: Digest  #: identity of the image in it
    size: int  #: bytes


class AuthorityClient:
    """Client of a network's authority."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def enrol(self, request: EnrolmentRequest) -> EnrolmentReply:
        """Request a certificate; raise EvidenceRefused with the number of the failed check."""
        return await call(self._transport, "POST", "/machines", request, EnrolmentReply)

    async def collateral(self) -> bytes:
        """Return current collateral."""
        return (await call(self._transport, "GET", "/collateral", None, MachineCollateral)).collateral

    async def runtime(self) -> RuntimeArchive:
        """Return identity and size of the runtime that the authority serves."""
        return await call(self._transport, "GET", "/runtime", None, RuntimeArchive)

    async def read_runtime(self, offset: int, length: int) -> bytes:
        """Return bytes of the runtime's archive, PIECE_BYTES at most."""
        return await self._transport.request("GET", f"/runtime/{offset}/{length}")
