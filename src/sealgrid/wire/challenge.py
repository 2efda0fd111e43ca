"""Challenge-response authentication for markets and pools (EIP-712 typed data, compatible with iExec's)."""

import re
from functools import cache
from typing import Any, Final

import msgspec

from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import CallRefused, ServiceUnavailable
from sealgrid.units import Address, Digest, to_address, to_bytes, to_digest

SENTENCE: Final = "Sign this message to log into iExec Gateway: "  #: prefix of a random text
MARKET, CORE, VERSION = "iExec Gateway", "iExec Core", "1"  #: EIP-712 domain names of market and pool, as iExec's
_DOMAIN: Final = (("name", "string"), ("version", "string"), ("chainId", "uint256"))
_MESSAGE: Final = (("challenge", "string"),)
#: A contract's signature may be long.
_TOKEN: Final = re.compile(r"(0x[0-9a-fA-F]{64})_0x((?:[0-9a-fA-F]{2}){0,4096})_(0x[0-9a-fA-F]{40})")


class ChallengeMessage(msgspec.Struct, frozen=True):
    """The message of a challenge's typed data."""

    challenge: str


class TypedChallenge(msgspec.Struct, frozen=True):
    """A challenge as a service sends it; only its sentence is used; the client builds the rest itself."""

    message: ChallengeMessage


class Token(msgspec.Struct, frozen=True):
    """Content of an ``Authorization`` header: digest, signature and signer of a challenge."""

    digest: Digest
    signature: bytes
    address: Address

    def __str__(self) -> str:
        return f"{self.digest}_0x{self.signature.hex()}_{self.address}"


def challenge_digest(chain: int, sentence: str, service: str = MARKET) -> Digest:
    """Return the EIP-712 digest of a challenge (the domain has no contract)."""
    message = keccak256(_MESSAGE_TYPE, keccak256(sentence.encode()))
    return to_digest(keccak256(b"\x19\x01", _domain(chain, service), message))


def typed_data(chain: int, sentence: str, service: str = MARKET) -> dict[str, Any]:
    """Return a challenge as wallets show it (eth_signTypedData_v4)."""
    return {
        "types": {
            "EIP712Domain": [{"name": name, "type": kind} for name, kind in _DOMAIN],
            "Challenge": [{"name": name, "type": kind} for name, kind in _MESSAGE],
        },
        "domain": {"name": service, "version": VERSION, "chainId": str(chain)},
        "primaryType": "Challenge",
        "message": {"challenge": sentence},
    }


def answer(chain: int, sentence: str, key: SigningKey, service: str = MARKET) -> Token:
    """Sign a challenge of a market or pool; raise ServiceUnavailable for any other text."""
    if service == MARKET and not sentence.startswith(SENTENCE):
        raise ServiceUnavailable("the market sent a text to sign that is not a valid challenge; it was not signed.")
    digest = challenge_digest(chain, sentence, service)
    return Token(digest, key.sign(to_bytes(digest, 32)), key.address)


def read_token(header: str | None) -> Token:
    """Read an ``Authorization`` header: digest, signature and address, joined by underscores; else CallRefused."""
    match = _TOKEN.fullmatch(header or "")
    if match is None:
        raise refused()
    return Token(to_digest(match[1]), bytes.fromhex(match[2]), to_address(match[3]))


def refused() -> CallRefused:
    """Return the error of a failed authentication, with iExec's message, which clients compare."""
    return CallRefused("challenge", "invalid authorization")


@cache
def _domain(chain: int, service: str) -> bytes:
    kind = keccak256(_type("EIP712Domain", _DOMAIN))
    return keccak256(kind, keccak256(service.encode()), keccak256(VERSION.encode()), chain.to_bytes(32, "big"))


def _type(name: str, fields: tuple[tuple[str, str], ...]) -> bytes:
    return f"{name}({','.join(f'{kind} {field}' for field, kind in fields)})".encode()


_MESSAGE_TYPE: Final = keccak256(_type("Challenge", _MESSAGE))
