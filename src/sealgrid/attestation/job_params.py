"""What a request order's ``params`` say: iExec's keys, and ours under "sealgrid"."""

from typing import Annotated, Any, Final, Literal

import msgspec

from sealgrid.attestation.field_types import HexDigest, HexKey, IpfsAddress
from sealgrid.crypto.iexec_challenge import NAME_PATTERN, NUMBER_PATTERN
from sealgrid.crypto.parse_errors import UNREADABLE
from sealgrid.errors import InputRefused
from sealgrid.units import Digest

NO_RESULT_KEY: Final = "0x" + "00" * 32


SecretNumber = Annotated[str, msgspec.Meta(pattern=rf"^{NUMBER_PATTERN}\Z")]
SecretName = Annotated[str, msgspec.Meta(pattern=rf"^{NAME_PATTERN}\Z")]


class SealgridParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a confidential task needs beyond iExec's keys."""

    result_key: HexKey  #: X25519; results are sealed to it
    inputs: tuple[HexDigest, ...] = ()  #: SHA-256 of each sealed input file, in the app's order
    callback: Literal["deferred"] | None = None  #: callback data that open once paid, for anybody to deliver


class JobParams(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of one job. What stands under iExec's own keys is public."""

    sealgrid: SealgridParams | None = None  #: None in the orders that iExec's own clients make
    bulk_cid: IpfsAddress | None = None  #: of a list of slices, each a list of dataset orders; task n uses slice n
    iexec_args: str = ""
    iexec_input_files: tuple[str, ...] = ()
    iexec_secrets: dict[SecretNumber, SecretName] = {}  #: names of secrets that the requester pushed, by number
    iexec_result_encryption: bool = False
    iexec_result_storage_provider: str = "ipfs"

    @property
    def inputs(self) -> tuple[Digest, ...]:
        """Return the SHA-256 of each sealed input."""
        return () if self.sealgrid is None else self.sealgrid.inputs

    @property
    def has_deferred_callback(self) -> bool:
        """Return whether the chain gets a commitment to the app's callback data."""
        return self.sealgrid is not None and self.sealgrid.callback == "deferred"

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Return the names of the requester's pushed secrets, each once, by their lowest number."""
        return tuple(dict.fromkeys(self.iexec_secrets[number] for number in sorted(self.iexec_secrets, key=int)))

    @property
    def is_for_rsa(self) -> bool:
        """Return whether the result is encrypted as iExec does it: for the RSA key that the beneficiary registered."""
        return self.sealgrid is None and self.iexec_result_encryption

    @property
    def result_key(self) -> str:
        """Return the X25519 key that the result is sealed to; zeros, which are no key, where it is sealed to nobody."""
        return NO_RESULT_KEY if self.sealgrid is None else self.sealgrid.result_key


MOST_CHARACTERS = 65536
MOST_BRACKETS = 1000  #: opening ones, wherever they stand

_KNOWN = frozenset(JobParams.__struct_fields__)


def parse_params(params: str) -> JobParams:
    """Read a deal's params; raise InputRefused when they are no JSON object of this form.

    Further keys that begin with ``iexec_`` are let pass, since iExec's clients set them; any other key is refused, so
    that a misspelt one is not silently without effect.
    """
    # web3 raises Python's recursion limit to 100,000, at which decoding deep nesting overflows the stack and ends the
    # process. The params of a deal are a stranger's words, so their nesting is bounded before anything decodes them.
    if len(params) > MOST_CHARACTERS or params.count("[") + params.count("{") > MOST_BRACKETS:
        raise InputRefused(f"params have at most {MOST_CHARACTERS} characters and {MOST_BRACKETS} opening brackets.")
    try:
        document: dict[str, Any] = msgspec.json.decode(params.encode(), type=dict[str, Any])
        unknown = sorted(key for key in document if key not in _KNOWN and not key.startswith("iexec_"))
        if unknown:
            raise InputRefused(f"params have a key that means nothing here: {unknown[0][:80]!r}.")
        return msgspec.convert(document, JobParams)
    except UNREADABLE as error:
        raise InputRefused(f"params are not of the form that this network reads: {error}.") from error
