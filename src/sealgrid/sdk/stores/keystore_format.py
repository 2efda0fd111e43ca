"""Decrypts keystores: Web3 Secret Storage versions 1 and 3, and the wallets of Ethereum's presale.

Clients write the same content with keys in any letter case, with ``0x``, and with or without the address. See
https://ethereum.org/developers/docs/data-structures-and-encoding/web3-secret-storage.
"""

import hashlib
import hmac
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from Crypto.Protocol.KDF import scrypt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused
from sealgrid.units import Address, to_address

CTR, CBC = "aes-128-ctr", "aes-128-cbc"
MAX_SCRYPT_BYTES: Final = 1 << 30  #: 128 · n · r · p, of memory and of work; wallets use 256 MiB
MAX_PBKDF2_ROUNDS: Final = 1 << 24  #: wallets use 2^10 to 2^18
_MIN_DERIVED, _MAX_DERIVED = 32, 1024  #: bytes
_SECRET_BYTES, _BLOCK_BYTES = 32, 16
_PRESALE_ROUNDS = 2000


@dataclass(frozen=True, slots=True)
class _KeyDerivation:
    """A password hash and its parameters."""

    name: str
    salt: bytes
    length: int  #: bytes of the derived key
    cost: int  #: n of scrypt, rounds of PBKDF2
    block_size: int = 0
    parallelism: int = 0


@dataclass(frozen=True, slots=True)
class _Keystore:
    version: int
    cipher: str
    ciphertext: bytes = field(repr=False)
    iv: bytes = field(repr=False)
    mac: bytes = field(repr=False)
    derivation: _KeyDerivation
    address: Address | None


def is_keystore(document: Mapping[str, Any]) -> bool:
    """Return whether a JSON object has the fields of a keystore."""
    return bool({"crypto", "encseed"} & {name.lower() for name in document})


def check_password(password: str) -> None:
    """Raise InputRefused for a password with half characters, which no wallet can hash."""
    try:
        password.encode()
    except UnicodeEncodeError as error:
        raise InputRefused("the password is not valid Unicode text; write it in UTF-8.", money="") from error


def decrypt_keystore(document: Mapping[str, Any], password: str, source: str) -> SigningKey:
    """Return the key of a keystore; ``source`` names it in errors.

    Raises InputRefused unless (1) it is a keystore of a supported version, cipher and key derivation, (2) the password
    gives its MAC, (3) what it contains is a key, and (4) this key has the address that the keystore names. Without an
    address, (5) nothing but its cipher's own padding and its MAC may confirm the key.
    """
    check_password(password)
    try:
        fields = _lower_case_names(document)
        if "encseed" in fields:
            return _decrypt_presale(fields, password, source)
        keystore = _parse(fields)  # (1)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = str(error) if type(error) is ValueError else "a field is missing or malformed"
        raise InputRefused(f"{source} is not a supported keystore ({reason}); restore it from your backup.") from error
    derived = next(
        (key for key in _derived_keys(keystore.derivation, password) if _mac_fits(keystore, key)),  # (2)
        None,
    )
    if derived is None:
        # A wrong password and a damaged file fail the same MAC check.
        raise InputRefused(f"wrong password for {source}.")
    keys = [key for secret in _readings(keystore, derived) if (key := _to_key(secret)) is not None]
    if not keys:  # (3)
        raise InputRefused(f"{source} contains no valid key; restore it from your backup.")
    if keystore.address is not None:
        for key in keys:  # (4)
            if key.address == keystore.address:
                return key
        raise InputRefused(f"{source} names an address that does not belong to its key; restore it from your backup.")
    if keystore.cipher == CBC and len(keystore.ciphertext) == _SECRET_BYTES:  # (5)
        raise InputRefused(
            f"{source} has neither an address nor padding, so nothing confirms its key; "
            "export it again from your wallet, with its address."
        )
    return keys[0]


def _lower_case_names(value: Any) -> Any:
    """Return a JSON value with all names in lower case; raise ValueError for two names that then are equal."""
    if not isinstance(value, Mapping):
        return value
    lowered = {name.lower(): _lower_case_names(each) for name, each in value.items()}
    if len(lowered) != len(value):
        raise ValueError("two of its fields have the same name")
    return lowered


def _parse(fields: Mapping[str, Any]) -> _Keystore:
    crypto = fields["crypto"]
    version = int(fields["version"])
    if version == 4:
        raise ValueError("it holds the key of a validator, EIP-2335, which is not an account")
    if version not in (1, 3):
        raise ValueError(f"its version is {version}; versions 1 and 3 are supported")
    cipher = str(crypto["cipher"]).lower()
    if cipher not in (CTR, CBC):
        raise ValueError(f"its cipher is {cipher[:40]!r}; {CTR} and {CBC} are supported")
    address = fields.get("address") or None
    return _Keystore(
        version=version,
        cipher=cipher,
        ciphertext=_hex(crypto["ciphertext"]),
        iv=_hex(crypto["cipherparams"]["iv"], _BLOCK_BYTES),
        mac=_hex(crypto["mac"], 32),
        derivation=_parse_derivation(str(crypto["kdf"]).lower(), crypto["kdfparams"]),
        address=None if address is None else to_address(_hex(address, 20)),
    )


def _parse_derivation(name: str, params: Mapping[str, Any]) -> _KeyDerivation:
    salt, length = _hex(params["salt"]), int(params["dklen"])
    if not _MIN_DERIVED <= length <= _MAX_DERIVED:
        raise ValueError(f"its derived key has {length} bytes")
    if name == "scrypt":
        cost, size, parallel = (int(params[each]) for each in ("n", "r", "p"))
        if cost < 2 or cost & (cost - 1) or size < 1 or parallel < 1:
            raise ValueError("its scrypt parameters are invalid")
        if 128 * size * cost * parallel > MAX_SCRYPT_BYTES:
            raise ValueError(f"its scrypt parameters take more than {MAX_SCRYPT_BYTES >> 30} GiB")
        return _KeyDerivation(name, salt, length, cost, size, parallel)
    if name == "pbkdf2":
        if (prf := str(params.get("prf", "hmac-sha256")).lower()) != "hmac-sha256":
            raise ValueError(f"its PBKDF2 function is {prf[:40]!r}; hmac-sha256 is supported")
        if not 1 <= (rounds := int(params["c"])) <= MAX_PBKDF2_ROUNDS:
            raise ValueError(f"its PBKDF2 has {rounds} rounds; at most {MAX_PBKDF2_ROUNDS} are supported")
        return _KeyDerivation(name, salt, length, rounds)
    raise ValueError(f"its key derivation is {name[:40]!r}; scrypt and pbkdf2 are supported")


def _hex(text: str, size: int | None = None) -> bytes:
    raw = bytes.fromhex(text.lower().removeprefix("0x"))
    if size is not None and len(raw) != size:
        raise ValueError("a field has the wrong length")
    return raw


def _derived_keys(derivation: _KeyDerivation, password: str) -> Iterator[bytes]:
    """Yield the derived key of each spelling that wallets hash: as typed, or in a normal form of Unicode."""
    forms = (unicodedata.normalize(form, password) for form in ("NFKC", "NFC", "NFD"))
    for spelling in dict.fromkeys((password, *forms)):
        if derivation.name == "pbkdf2":
            yield hashlib.pbkdf2_hmac(
                "sha256", spelling.encode(), derivation.salt, derivation.cost, dklen=derivation.length
            )
        else:
            # hashlib's refuses n of 2^16 and more with r = 1 (RFC 7914, section 2), which some wallets use.
            text, size = spelling.encode(), derivation.block_size
            derived = scrypt(text, derivation.salt, derivation.length, derivation.cost, size, derivation.parallelism)  # type: ignore[arg-type]
            assert isinstance(derived, bytes), "one key was requested"
            yield derived


def _mac_fits(keystore: _Keystore, derived: bytes) -> bool:
    return hmac.compare_digest(keccak256(derived[16:32], keystore.ciphertext), keystore.mac)


def _readings(keystore: _Keystore, derived: bytes) -> Iterator[bytes]:
    """Yield the plaintext; for a keystore with an address also those of the other ciphers and versions.

    Some programs write a version or cipher that they did not use. The MAC covers neither; the address tells.
    """
    v1, v3 = keccak256(derived[:16])[:16], derived[:16]
    declared = (v1 if keystore.version == 1 else v3, keystore.cipher)
    others = [(key, cipher) for key in (v3, v1) for cipher in (CTR, CBC)] if keystore.address is not None else []
    for key, cipher in dict.fromkeys((declared, *others)):
        if cipher == CTR:
            yield _decrypt(key, modes.CTR(keystore.iv), keystore.ciphertext)
        elif len(keystore.ciphertext) % _BLOCK_BYTES == 0:
            plain = _decrypt(key, modes.CBC(keystore.iv), keystore.ciphertext)
            yield plain if len(plain) == _SECRET_BYTES else _without_padding(plain)


def _decrypt(key: bytes, mode: modes.CTR | modes.CBC, ciphertext: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES128(key), mode).decryptor()
    return decryptor.update(ciphertext) + decryptor.finalize()


def _without_padding(plain: bytes) -> bytes:
    """Return the content before valid PKCS #7 padding, else nothing."""
    count = plain[-1] if plain else 0
    return plain[:-count] if 1 <= count <= _BLOCK_BYTES and plain.endswith(bytes([count]) * count) else b""


def _to_key(secret: bytes) -> SigningKey | None:
    try:
        return SigningKey.from_bytes(secret)
    except ValueError:
        return None


def _decrypt_presale(fields: Mapping[str, Any], password: str, source: str) -> SigningKey:
    """Return the key of a presale wallet (2014): PBKDF2 with the password as its salt, AES-128-CBC, Keccak-256."""
    sealed, address = _hex(fields["encseed"]), to_address(_hex(fields["ethaddr"], 20))
    if len(sealed) < 2 * _BLOCK_BYTES or len(sealed) % _BLOCK_BYTES:
        raise ValueError("a field has the wrong length")
    text = password.encode()
    key = hashlib.pbkdf2_hmac("sha256", text, text, _PRESALE_ROUNDS, dklen=16)
    seed = _without_padding(_decrypt(key, modes.CBC(sealed[:_BLOCK_BYTES]), sealed[_BLOCK_BYTES:]))
    found = _to_key(keccak256(seed))
    if not seed or found is None or found.address != address:
        raise InputRefused(f"wrong password for {source}.")
    return found
