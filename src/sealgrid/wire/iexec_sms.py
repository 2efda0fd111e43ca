"""Messages and client of the iExec SMS adapter: public keys for results, signed by beneficiaries."""

from sealgrid.units import Address, TaskId
from sealgrid.wire.message import Message, Transport, call


class RegisteredResultKey(Message, frozen=True, kw_only=True):
    """A beneficiary's RSA key for results. Its users must verify the signature (crypto.iexec_challenge)."""

    owner: Address
    value: str  #: base64 of the PEM, as iExec's SDK pushed it
    signature: bytes  #: by the owner, EIP-191, over the key's name and the value's hash


class PublicResultKey(Message, frozen=True, kw_only=True):
    """A beneficiary's current RSA key for results, without the signature that could register it again."""

    owner: Address
    value: str  #: base64 of the PEM, as iExec's SDK pushed it


class ResultKeyRequest(Message, frozen=True, kw_only=True):
    """A worker's request for the key of its task's result, with the pool's authorisation of the worker (PoCo)."""

    task: TaskId
    worker: Address
    enclave: Address
    signature: bytes  #: of the pool, in PoCo's form


class IexecSmsClient:
    """Client of the iExec SMS adapter."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def result_key(self, request: ResultKeyRequest) -> RegisteredResultKey:
        """Return the key for a task's result; raise NotFound if the task's beneficiary registered none."""
        return await call(self._transport, "POST", "/result-keys", request, RegisteredResultKey)
