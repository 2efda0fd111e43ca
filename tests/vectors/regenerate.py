"""Write the vector files anew: ``python tests/vectors/regenerate.py``. Changed vectors mean a changed protocol.

Every key in them is public. Shares and HPKE messages draw from the operating system's randomness, so they differ each
time; what they must open to does not.
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from sealgrid.attestation import statements
from sealgrid.attestation.policy import Allowance, Machines, Platform, Policy
from sealgrid.crypto import hpke
from sealgrid.crypto.container import seal_bytes
from sealgrid.crypto.hpke import HpkeKey
from sealgrid.crypto.shares import KeyRecord, commit, split
from sealgrid.crypto.signing import Domain, SigningKey, Statement
from sealgrid.units import ZERO_DIGEST, Address, Digest, TaskId, to_address, to_digest

FOLDER = Path(__file__).parent
DEK = bytes(range(32))
SALT = bytes(range(0x40, 0x60))
KEY_ID = b"vector-key-00001"
CHUNK = 64
CONTAINERS = {
    "an empty file": (b"", b""),
    "one byte": (b"x", b""),
    "exactly one chunk": (b"c" * CHUNK, b""),
    "three chunks and metadata": (b"a" * CHUNK + b"b" * CHUNK + b"tail", b'{"kind":"model"}'),
}


def address(value: int) -> Address:
    return to_address(bytes([value]) * 20)


def digest(value: int) -> Digest:
    return to_digest(bytes([value]) * 32)


def containers() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "dek": DEK.hex(),
            "salt": SALT.hex(),
            "key_id": KEY_ID.hex(),
            "chunk_size": CHUNK,
            "metadata": metadata.hex(),
            "plaintext": plaintext.hex(),
            "sealed": seal_bytes(
                plaintext,
                dek=DEK,
                key_id=KEY_ID,
                metadata=metadata,
                chunk_size=CHUNK,
                random=lambda size: SALT[:size],
            ).hex(),
        }
        for name, (plaintext, metadata) in CONTAINERS.items()
    ]


def keys() -> dict[str, Any]:
    shares = split(DEK, 3, 2, lambda size: b"\x0b" * size)
    record = key_record()
    reader = HpkeKey.from_bytes(b"\x42" * 32)
    return {
        "shares": {
            "dek": DEK.hex(),
            "n": 3,
            "t": 2,
            "shares": [
                {"index": s.index, "value": s.value.hex(), "blind": s.blind.hex(), "commitment": commit(s)}
                for s in shares
            ],
        },
        "hpke": {
            "secret": reader.secret.hex(),
            "public": reader.public.hex(),
            "info": record.digest(DOMAIN).hex(),
            "plaintext": b"a share".hex(),
            "sealed": hpke.seal(reader.public, b"a share", record.digest(DOMAIN)).hex(),
        },
    }


DOMAIN = Domain(chain=31337, broker=address(0xBB))
SIGNER = SigningKey.from_bytes(b"\x11" * 32)


def key_record() -> KeyRecord:
    commitments = tuple(digest(value) for value in (0xC1, 0xC2, 0xC3))
    return KeyRecord(
        hub=address(0xA1),
        asset=address(0xA2),
        owner=SIGNER.address,
        version=7,
        file_sha256=digest(0xF1),
        n=3,
        t=2,
        vaults=(address(1), address(2), address(3)),
        commitments=commitments,
    )


def all_statements() -> list[Statement]:
    task, worker, enclave, vault = TaskId(digest(0x77)), address(0x88), address(0x99), address(1)
    allowance = Allowance(app=digest(2), runtime=digest(3), platform=Platform.TDX, output_bytes=1 << 20, callback=True)
    simulated = Allowance(app=digest(2), runtime=digest(4), platform=Platform.SIMULATED, output_bytes=0, callback=False)
    policy = Policy(
        asset=address(0xA2),
        owner=SIGNER.address,
        version=3,
        expiry=1_800_000_000,
        allowed=(allowance, simulated),
        machines=Machines(
            allowed=("0a0b0c",),
            denied=("0d0e0f", "example-cloud"),
            families=("00606a000000",),
            forbidden_advisories=("INTEL-SA-00615",),
            evaluation=17,
            up_to_date=True,
        ),
        refused=(address(0xB1),),
        uses_per_requester_hour=10,
        uses_total=1000,
        quorum=3,
        release=0,
    )
    return [
        key_record(),
        policy,
        msgspec.structs.replace(policy, version=4, proved=True),
        statements.Release(session=digest(5), facts=digest(6), secrets=digest(7), issued=1_790_000_000),
        statements.Settle(
            task=task,
            worker=worker,
            enclave=enclave,
            result_digest=digest(8),
            sealed_sha256=digest(9),
            receipt_sha256=digest(10),
        ),
        statements.Verdict(
            task=task,
            worker=worker,
            enclave=enclave,
            app=digest(2),
            runtime=digest(3),
            platform=Platform.SIMULATED,
            vault_set=digest(17),
            session=digest(5),
            settle=digest(11),
            issued=1_790_000_000,
            expiry=1_790_000_300,
        ),
        statements.Preview(
            question=digest(18), check="7.10", of_deal=True, settles=False, block=7, issued=1_790_000_000
        ),
        statements.Reassign(task=task, attempt=2, worker=worker, enclave=enclave),
        statements.DepositKey(vault=vault, key=digest(12)),
        statements.DepositReceipt(record=digest(13), vault=vault, index=1),
        statements.InputGrant(owner=SIGNER.address, file_sha256=digest(0xF1), app=digest(2), request=digest(14)),
        statements.Withdrawal(asset=address(0xA2), owner=SIGNER.address, version=7),
        statements.ReceiptSeal(body=digest(15)),
        statements.LogHead(vault=vault, size=1_000_000, root=digest(17), issued=1_790_000_000),
        statements.LogWitness(witness=address(2), vault=vault, size=1_000_000, root=digest(17), issued=1_790_000_000),
        statements.WorkerCall(pool=address(0x66), worker=worker, content=digest(16), issued=1_790_000_000),
        statements.UploadTicket(
            node="https://files.example",
            account=worker,
            task=TaskId(ZERO_DIGEST),
            size=1 << 20,
            expiry=1_790_000_300,
            nonce=digest(18),
        ),
        statements.ResultOpened(reader=enclave, file_sha256=digest(19)),
        statements.FileRemoval(account=SIGNER.address, file_sha256=digest(0xF1), issued=1_790_000_000),
        statements.Card(owner=SIGNER.address, name="faces", content=digest(20)),
        statements.WorkerInvitation(pool=address(0x66), nonce=digest(21), expiry=1_790_600_000),
        statements.WorkerAdmission(pool=address(0x66), worker=worker, expiry=1_790_003_600),
        statements.MachineEnrolment(worker=worker, key_sha256=digest(22), issued=1_790_000_000),
        statements.AccountCall(call=bytes.fromhex("fc334e8c") + bytes(64), expiry=1_790_003_600),  # PoCo's reveal
    ]


def signed_statements() -> dict[str, Any]:
    return {
        "domain": msgspec.to_builtins(DOMAIN),
        "separator": DOMAIN.separator.hex(),
        "signer": {"secret": SIGNER.secret.hex(), "address": SIGNER.address},
        "statements": [
            {
                "name": type(one).__name__,
                "type": one.type_text().decode(),
                "fields": _hexed(msgspec.to_builtins(one, builtin_types=(bytes,))),
                "struct_hash": one.struct_hash().hex(),
                "digest": one.digest(DOMAIN).hex(),
                "signature": one.sign(DOMAIN, SIGNER).hex(),
            }
            for one in all_statements()
        ],
    }


def _hexed(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: f"0x{value.hex()}" if isinstance(value, bytes) else value for name, value in fields.items()}


def main() -> None:
    for name, content in (("container", containers()), ("keys", keys()), ("statements", signed_statements())):
        (FOLDER / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
