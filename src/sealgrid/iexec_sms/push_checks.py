"""Numbered checks of secrets and keys that iExec's SDK pushes. Pure."""

import base64
import binascii
from dataclasses import dataclass, field

from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.iexec_challenge import (
    DEVELOPER_SECRET_NAME,
    asset_secret_digest,
    is_secret_name,
    named_secret_digest,
)
from sealgrid.crypto.iexec_result_key import RESULT_KEY_NAME, parse_rsa_key
from sealgrid.crypto.shares import DEK_BYTES
from sealgrid.crypto.signing import find_signer
from sealgrid.errors import InputRefused, SecretNotSigned, SecretRefused, SecretTooLarge
from sealgrid.units import Address, Digest, to_digest
from sealgrid.wire.iexec_sms import RegisteredResultKey

MAX_SECRET_BYTES = 4096  #: iExec's limit


@dataclass(frozen=True, slots=True)
class PushedSecret:
    """A value and its signature, not verified. ``repr`` shows neither."""

    address: Address  #: of the dataset or app, or of the account that owns the value
    value: bytes = field(repr=False)
    authorization: str = field(repr=False)  #: the header's value: 0x and the signature in hex

    @property
    def value_hash(self) -> Digest:
        """Return the keccak256 of the value, which the signature covers."""
        return to_digest(keccak256(self.value))

    @property
    def signature(self) -> bytes:
        """Return the signature's bytes; empty if the header is not hex."""
        try:
            return bytes.fromhex(self.authorization.removeprefix("0x"))
        except ValueError:
            return b""


def check_dataset_key(pushed: PushedSecret, owner: Address | None) -> bytes:
    """Return the 32-byte key of a dataset's file; raise SecretRefused with the number "dataset-key.n".

    (1) The value has at most 4096 bytes. (2) The dataset is registered, and its owner on the chain signed iExec's
    challenge over its address and the value's hash. (3) The value is the base64 text of 32 bytes in canonical form:
    vaults store keys of this size, and the enclave compares the hash of this text.

    ``owner`` is the dataset's owner at a confirmed block, None if the dataset is not registered.
    """
    _check_key_size(pushed, "dataset-key")  # (1)
    digest = asset_secret_digest(pushed.address, pushed.value_hash)
    if owner is None or find_signer(digest, pushed.signature) != owner:  # (2)
        raise SecretNotSigned("dataset-key.2", "the owner of the dataset did not sign this value for it.")
    try:
        key = base64.b64decode(pushed.value, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != DEK_BYTES or base64.b64encode(key) != pushed.value:  # (3)
        raise SecretRefused("dataset-key.3", f"a dataset's key must be the base64 text of {DEK_BYTES} bytes.")
    return key


def check_app_secret(pushed: PushedSecret, owner: Address | None) -> None:
    """Raise SecretRefused with the number "app-secret.n" unless an app's secret is valid.

    (1) The value has at most 4096 bytes. (2) The app is registered, and its owner on the chain signed iExec's challenge
    over its address, the name "1" and the value's hash. (3) The value is a text that an environment variable can hold.
    """
    _check_size(pushed, "app-secret")  # (1)
    digest = named_secret_digest(pushed.address, DEVELOPER_SECRET_NAME, pushed.value_hash)
    if owner is None or find_signer(digest, pushed.signature) != owner:  # (2)
        raise SecretNotSigned("app-secret.2", "the owner of the app did not sign this value for it.")
    _check_text(pushed, "app-secret")  # (3)


def check_requester_secret(pushed: PushedSecret, name: str) -> None:
    """Raise SecretRefused with the number "requester-secret.n" unless a requester's secret is valid.

    (1) The value has at most 4096 bytes, and the name is 1 to 64 letters, digits, - or _. (2) The requester signed
    iExec's challenge over its address, the name and the value's hash. (3) The value is a text that an environment
    variable can hold.
    """
    _check_size(pushed, "requester-secret")  # (1)
    if not is_secret_name(name):  # (1)
        raise SecretRefused("requester-secret.1", "a secret's name has 1 to 64 letters, digits, - or _.")
    digest = named_secret_digest(pushed.address, name, pushed.value_hash)
    if find_signer(digest, pushed.signature) != pushed.address:  # (2)
        raise SecretNotSigned("requester-secret.2", "the account did not sign this value under this name.")
    _check_text(pushed, "requester-secret")  # (3)


def check_result_key(pushed: PushedSecret) -> RegisteredResultKey:
    """Return a beneficiary's public key; raise SecretRefused with the number "result-key.n".

    (1) The value has at most 4096 bytes. (2) The account signed iExec's challenge over its address, the key's name and
    the value's hash. (3) The value is the base64 text of an RSA key of 2048 to 8192 bits (PEM).
    """
    _check_key_size(pushed, "result-key")  # (1)
    digest = named_secret_digest(pushed.address, RESULT_KEY_NAME, pushed.value_hash)
    if find_signer(digest, pushed.signature) != pushed.address:  # (2)
        raise SecretNotSigned("result-key.2", "the account did not sign this key for its results.")
    try:
        parse_rsa_key(pushed.value)
    except InputRefused as error:  # (3)
        raise SecretRefused("result-key.3", error.message) from error
    return RegisteredResultKey(owner=pushed.address, value=pushed.value.decode(), signature=pushed.signature)


def _check_size(pushed: PushedSecret, proof: str) -> None:
    if len(pushed.value) > MAX_SECRET_BYTES:  # status 400, as in iExec's SMS for these secrets
        raise SecretRefused(f"{proof}.1", f"a secret has at most {MAX_SECRET_BYTES} bytes.")


def _check_text(pushed: PushedSecret, proof: str) -> None:
    try:
        text = pushed.value.decode()
    except UnicodeDecodeError:
        text = ""
    if not text or "\0" in text:
        raise SecretRefused(f"{proof}.3", "a secret must be a text of at least one character, without a zero byte.")


def _check_key_size(pushed: PushedSecret, proof: str) -> None:
    """Raise SecretTooLarge, check "``proof``.1": status 413, as in iExec's SMS for keys."""
    if len(pushed.value) > MAX_SECRET_BYTES:
        raise SecretTooLarge(f"{proof}.1", f"a secret has at most {MAX_SECRET_BYTES} bytes.")
