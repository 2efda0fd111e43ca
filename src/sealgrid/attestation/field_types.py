"""Field types with patterns that msgspec checks when it decodes hashed or untrusted documents."""

from typing import Annotated

from msgspec import Meta

from sealgrid.units import Address, DealId, Digest, TaskId

_DIGEST = Meta(pattern=r"^0x[0-9a-f]{64}\Z")

HexAddress = Annotated[Address, Meta(pattern=r"^0x[0-9a-f]{40}\Z")]
HexDigest = Annotated[Digest, _DIGEST]
HexTask = Annotated[TaskId, _DIGEST]
HexDeal = Annotated[DealId, _DIGEST]
IpfsAddress = Annotated[str, Meta(pattern=r"^(Qm[1-9A-HJ-NP-Za-km-z]{44}|bafkrei[a-z2-7]{52})\Z")]  #: of one file
HexKey = Annotated[str, _DIGEST]  #: an X25519 public key
Count = Annotated[int, Meta(ge=0, lt=2**53)]  #: RFC 8785 keeps integers exact below 2^53
