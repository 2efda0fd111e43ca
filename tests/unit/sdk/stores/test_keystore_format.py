"""Keystores of every client open to the right account or are refused; none opens to another account."""

import copy
import hashlib

import eth_account
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import InputRefused
from sealgrid.sdk.stores.keystore_format import decrypt_keystore

PASSWORD = "correct horse"
ADDRESS = "0x834c2cc576b4839f3a786d0f3ebeada891da57bf"

#: a key that geth's format encrypts with cheap parameters
GETH = {
    "address": ADDRESS[2:],
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "25e1ce3a88e6f77cef39cb6f5c6d0569"},
        "ciphertext": "a2c68cfdf3aa4db805f17812333e31f1863747f230d4629104663fbd1b4f5018",
        "kdf": "scrypt",
        "kdfparams": {"dklen": 32, "n": 4096, "r": 8, "p": 1, "salt": "f0c64dfe1b3184531ee04227fcd0f834"},
        "mac": "a55328fdef38a0b70db025b52269172bac4fa09ce8ccafca7eea5846c75585ad",
    },
    "id": "f7ff63ed-caeb-4547-ba5e-25c50deb9d5c",
    "version": 3,
}
#: the same key with AES-128-CBC, without padding
CBC = {
    "version": 3,
    "id": "f7ff63ed-caeb-4547-ba5e-25c50deb9d5c",
    "crypto": {
        "cipher": "aes-128-cbc",
        "cipherparams": {"iv": "000102030405060708090a0b0c0d0e0f"},
        "ciphertext": "03ecba0f17c6bf8591951f2ccca675b1953a5cafdba85fb62ed85d30cbf9e055",
        "kdf": "scrypt",
        "kdfparams": {
            "n": 4096,
            "r": 6,
            "p": 1,
            "dklen": 32,
            "salt": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        },
        "mac": "a4d217b513ee465938cbeb78e8342767bf24bcbf250d24fd3e2a392528cd9f3b",
    },
    "address": ADDRESS,
}
PARITY = {
    "address": ADDRESS[2:],
    "crypto": {
        "cipher": "aes-128-ctr",
        "cipherparams": {"iv": "a95eec79bb91d9feda51600d499419e2"},
        "ciphertext": "f02a672ee060e8c8a12224122b66a5f21cc83a64289bd82f0ee5e5a85d42b113",
        "kdf": "pbkdf2",
        "kdfparams": {"c": 10240, "dklen": 32, "prf": "hmac-sha256", "salt": "c11fbdbb9a3bfa013833fe1b44ca73a5"},
        "mac": "38d4d37ac18a44c1a02488d5426f844d206c9f0298c346eb3214b8d1cbf8a7ba",
    },
    "id": "ef2b2513-8017-49df-b17e-8b7707418684",
    "version": 3,
    "name": "old",
    "meta": "{}",
}
#: from go-ethereum's tests of its first format; its password is "g"
VERSION_1 = {
    "address": "cb61d5a9c4896fb9658090b597ef0e7be6f7b67e",
    "Crypto": {
        "cipher": "aes-128-cbc",
        "ciphertext": "6143d3192db8b66eabd693d9c4e414dcfaee52abda451af79ccf474dafb35f1bfc7ea013aa9d2ee35969a1a2e8d752d0",
        "cipherparams": {"iv": "35337770fc2117994ecdcad026bccff4"},
        "kdf": "scrypt",
        "kdfparams": {
            "n": 262144,
            "r": 8,
            "p": 1,
            "dklen": 32,
            "salt": "9afcddebca541253a2f4053391c673ff9fe23097cd8555d149d929e4ccf1257f",
        },
        "mac": "3f3d5af884b17a100b0b3232c0636c230a54dc2ac8d986227219b0dd89197644",
        "version": "1",
    },
    "version": "1",
}
#: a wallet of the presale from go-ethereum's tests; its password is "foo"
PRESALE = {
    "encseed": "26d87f5f2bf9835f9a47eefae571bc09f9107bb13d54ff12a4ec095d01f83897494cf34f7bed2ed34126ecba9db7b62de56c9d7c"
    "d136520a0427bfb11b8954ba7ac39b90d4650d3448e31185affcd74226a68f1e94b1108e6e0a4a91cdd83eba",
    "ethaddr": "d4584b5f6229b7be90727b0fc8c6b91bb427821f",
}


def changed(document: dict, **crypto: object) -> dict:
    """Return a copy with other fields of ``crypto``."""
    return document | {"crypto": document["crypto"] | crypto}


def without_address(document: dict) -> dict:
    return {name: value for name, value in document.items() if name != "address"}


def upper_case(value: object) -> object:
    if isinstance(value, dict):
        return {name.upper(): upper_case(each) for name, each in value.items()}
    return value


SAME_ACCOUNT = {
    "geth": GETH,
    "foundry, without an address": without_address(GETH),
    "an empty address": GETH | {"address": ""},
    "MyEtherWallet, Crypto": without_address(GETH) | {"Crypto": GETH["crypto"]},
    "names in upper case": upper_case(GETH),
    "hex in upper case": changed(GETH, ciphertext=GETH["crypto"]["ciphertext"].upper()),
    "hex with 0x": changed(GETH, ciphertext="0x" + GETH["crypto"]["ciphertext"], mac="0x" + GETH["crypto"]["mac"]),
    "an address with checksum": GETH | {"address": "0x834c2cC576b4839F3A786D0f3eBEada891Da57BF"},
    "a version as text": GETH | {"version": "3"},
    "numbers as text": changed(GETH, kdfparams=GETH["crypto"]["kdfparams"] | {"n": "4096"}),
    "parity, PBKDF2": PARITY,
    "AES-128-CBC": CBC,
    "the wrong cipher named": changed(GETH, cipher="aes-128-cbc"),
    "the wrong version named": GETH | {"version": "1"},
}


@pytest.mark.parametrize("form", SAME_ACCOUNT)
def test_every_clients_form_opens_to_the_same_account(form):
    document = copy.deepcopy(SAME_ACCOUNT[form])
    if form == "MyEtherWallet, Crypto":
        del document["crypto"]
    assert decrypt_keystore(document, PASSWORD, "it").address == ADDRESS


def test_geths_first_format_opens():
    key = decrypt_keystore(VERSION_1, "g", "it")
    assert key.secret.hex() == "d1b1178d3529626a1a93e073f65028370d14c7eb0936eb42abef05db6f37ad7d"
    assert key.address == "0x" + VERSION_1["address"]


def test_a_presale_wallet_opens_with_its_password_only():
    assert decrypt_keystore(PRESALE, "foo", "it").address == "0x" + PRESALE["ethaddr"]
    with pytest.raises(InputRefused, match="wrong password"):
        decrypt_keystore(PRESALE, "bar", "it")


def test_an_empty_password_opens_a_keystore_that_has_one():
    key = SigningKey.generate()
    locked = eth_account.Account.encrypt(key.secret, "", kdf="pbkdf2", iterations=2)
    assert decrypt_keystore(locked, "", "it").secret == key.secret


@pytest.mark.parametrize(("wallet", "typed"), [("é", "e\u0301"), ("e\u0301", "é"), ("fi", "\ufb01")])
def test_a_password_opens_in_the_normal_form_that_the_wallet_used(wallet, typed):
    key = SigningKey.generate()
    locked = eth_account.Account.encrypt(key.secret, f"{wallet}-password", kdf="pbkdf2", iterations=2)
    for password in (f"{wallet}-password", f"{typed}-password"):
        assert decrypt_keystore(locked, password, "it").secret == key.secret


@given(st.binary(min_size=31, max_size=31).map(lambda raw: b"\1" + raw), st.text(st.characters(codec="utf-8")))
@settings(max_examples=10)
def test_keystores_of_an_independent_writer_open(secret, password):
    locked = eth_account.Account.encrypt(secret, password, kdf="pbkdf2", iterations=2)
    assert decrypt_keystore(locked, password, "it").secret == secret


# check (1)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({}, "a field is missing"),
        (GETH | {"crypto": []}, "a field is missing or malformed"),
        (without_address(GETH) | {"version": 2}, "versions 1 and 3 are supported"),
        (GETH | {"version": 4}, "validator, EIP-2335"),
        (changed(GETH, cipher="aes-256-gcm"), "its cipher is 'aes-256-gcm'"),
        (changed(GETH, kdf="argon2id"), "its key derivation is 'argon2id'"),
        (changed(PARITY, kdfparams=PARITY["crypto"]["kdfparams"] | {"prf": "hmac-sha1"}), "'hmac-sha1'"),
        (changed(PARITY, kdfparams=PARITY["crypto"]["kdfparams"] | {"c": 1 << 40}), "rounds"),
        (changed(GETH, kdfparams=GETH["crypto"]["kdfparams"] | {"n": 1 << 40}), "take more than 1 GiB"),
        (changed(GETH, kdfparams=GETH["crypto"]["kdfparams"] | {"n": 4095}), "scrypt parameters are invalid"),
        (changed(GETH, kdfparams=GETH["crypto"]["kdfparams"] | {"dklen": 16}), "its derived key has 16 bytes"),
        (changed(GETH, mac="00"), "wrong length"),
        (changed(GETH, cipherparams={"iv": "00"}), "wrong length"),
        (GETH | {"address": "11"}, "wrong length"),
        (GETH | {"Crypto": GETH["crypto"]}, "two of its fields have the same name"),
        (PRESALE | {"encseed": "00"}, "wrong length"),
    ],
)
def test_a_keystore_of_an_unsupported_form_is_refused_with_the_reason(document, reason):
    with pytest.raises(InputRefused, match="not a supported keystore") as refused:
        decrypt_keystore(document, PASSWORD, "it")
    assert reason in str(refused.value)


# check (2)


@pytest.mark.parametrize("password", ["Correct horse", "correct horse ", ""])
def test_a_wrong_password_is_refused_and_not_repeated(password):
    with pytest.raises(InputRefused) as refused:
        decrypt_keystore(GETH, password, "it")
    assert str(refused.value) == "wrong password for it."


def test_a_damaged_ciphertext_is_refused():
    with pytest.raises(InputRefused, match="wrong password"):
        decrypt_keystore(changed(GETH, ciphertext="00" * 32), PASSWORD, "it")


def test_a_password_with_half_a_character_is_refused():
    with pytest.raises(InputRefused, match="not valid Unicode text"):
        decrypt_keystore(GETH, "p\udce4ss", "it")


# check (3)


def test_a_ciphertext_that_is_no_key_is_refused():
    params = PARITY["crypto"]["kdfparams"]
    derived = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), bytes.fromhex(params["salt"]), params["c"], 32)
    sealed = bytes.fromhex(PARITY["crypto"]["ciphertext"])[:-1]
    short = changed(PARITY, ciphertext=sealed.hex(), mac=keccak256(derived[16:32], sealed).hex())
    with pytest.raises(InputRefused, match="contains no valid key"):
        decrypt_keystore(short, PASSWORD, "it")


# check (4)


@pytest.mark.parametrize("document", [GETH, CBC, PARITY])
def test_a_keystore_that_names_anothers_address_is_refused(document):
    with pytest.raises(InputRefused, match="does not belong to its key"):
        decrypt_keystore(document | {"address": "11" * 20}, PASSWORD, "it")


# check (5)


def test_a_cipher_without_padding_is_refused_where_no_address_confirms_the_key():
    for document in (CBC, changed(GETH, cipher="aes-128-cbc")):
        with pytest.raises(InputRefused, match="neither an address nor padding"):
            decrypt_keystore(without_address(document), PASSWORD, "it")
