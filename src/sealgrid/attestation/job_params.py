"""The ``params`` of a request order: iExec's keys, and Sealgrid's under "sealgrid"."""

from functools import lru_cache
from typing import Annotated, Any, Final, Literal

import msgspec

from sealgrid.attestation.field_types import HexDigest, HexKey, IpfsAddress
from sealgrid.attestation.input_files import InputFile, parse_input_file
from sealgrid.attestation.task_inputs import TaskInputs
from sealgrid.crypto.iexec_challenge import NAME_PATTERN, NUMBER_PATTERN
from sealgrid.errors import DECODE_ERRORS, InputRefused
from sealgrid.units import Digest

NO_RESULT_KEY: Final = "0x" + "00" * 32
MAX_CHARACTERS: Final = 65536
MAX_BRACKETS: Final = 1000  #: opening brackets, anywhere

SecretNumber = Annotated[str, msgspec.Meta(pattern=rf"^{NUMBER_PATTERN}\Z")]
SecretName = Annotated[str, msgspec.Meta(pattern=rf"^{NAME_PATTERN}\Z")]


class SealgridParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of a confidential task beyond iExec's keys."""

    result_key: HexKey  #: X25519; results are sealed to it
    inputs: tuple[HexDigest, ...] = ()  #: SHA-256 of each sealed input file that all tasks share, in the app's order
    task_inputs: TaskInputs | None = None  #: one more sealed input for each task
    callback: Literal["deferred"] | None = None  #: callback data are released after payment; anyone may deliver them


class JobParams(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of one job. Values of iExec's keys are public."""

    sealgrid: SealgridParams | None = None  #: None in orders of iExec's clients
    bulk_cid: IpfsAddress | None = None  #: of a list of slices, each a list of dataset orders; task n uses slice n
    iexec_args: str = ""
    iexec_input_files: tuple[str, ...] = ()
    iexec_secrets: dict[SecretNumber, SecretName] = {}  #: names of secrets that the requester pushed, by number
    iexec_result_encryption: bool = False
    iexec_result_storage_provider: str = "ipfs"

    @property
    def inputs(self) -> tuple[Digest, ...]:
        """Return the SHA-256 of each sealed input that all tasks share."""
        return () if self.sealgrid is None else self.sealgrid.inputs

    @property
    def task_inputs(self) -> TaskInputs | None:
        """Return what the params say about inputs of single tasks; None if all tasks have the same inputs."""
        return None if self.sealgrid is None else self.sealgrid.task_inputs

    @property
    def input_files(self) -> tuple[InputFile, ...]:
        """Return the public input files; raise InputRefused for a URL without a digest."""
        return tuple(parse_input_file(each) for each in self.iexec_input_files)

    @property
    def has_deferred_callback(self) -> bool:
        """Return whether the chain stores a commitment to the app's callback data."""
        return self.sealgrid is not None and self.sealgrid.callback == "deferred"

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Return the distinct names of the requester's secrets, ordered by their lowest number."""
        return tuple(dict.fromkeys(self.iexec_secrets[number] for number in sorted(self.iexec_secrets, key=int)))

    @property
    def is_for_rsa(self) -> bool:
        """Return whether the result is encrypted in iExec's way, for the beneficiary's registered RSA key."""
        return self.sealgrid is None and self.iexec_result_encryption

    @property
    def result_key(self) -> str:
        """Return the X25519 key for the result; zeros if there is none."""
        return NO_RESULT_KEY if self.sealgrid is None else self.sealgrid.result_key


_KNOWN = frozenset(JobParams.__struct_fields__)


@lru_cache(maxsize=64)  # all tasks of a deal have the same
def parse_params(params: str) -> JobParams:
    """Parse a deal's params; raise InputRefused unless they are a JSON object of this form.

    Unknown keys are accepted if they begin with ``iexec_``, since iExec's clients set them, and refused otherwise: a
    misspelt key must not be ignored.
    """
    # web3 sets Python's recursion limit to 100,000; decoding nesting that deep overflows the stack and kills the
    # process. Params are untrusted, so their nesting is bounded first.
    if len(params) > MAX_CHARACTERS or params.count("[") + params.count("{") > MAX_BRACKETS:
        raise InputRefused(f"params have at most {MAX_CHARACTERS} characters and {MAX_BRACKETS} opening brackets.")
    try:
        document: dict[str, Any] = msgspec.json.decode(params.encode(), type=dict[str, Any])
        unknown = sorted(key for key in document if key not in _KNOWN and not key.startswith("iexec_"))
        if unknown:
            raise InputRefused(f"params have an unknown key: {unknown[0][:80]!r}.")
        return msgspec.convert(document, JobParams)
    except DECODE_ERRORS as error:
        raise InputRefused(f"params are not valid: {error}.") from error
