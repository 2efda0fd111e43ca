"""Write attestation_NAME.json anew: ``python tests/vectors/attestation_regenerate.py [NAME…]``, by default all.

A change is a changed protocol. The machine of the receipts has fresh keys each time, so their vectors differ; what they
must verify to does not.
"""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from sealgrid.attestation import binding
from sealgrid.attestation.facts import secrets_digest
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.task_inputs import TaskInputTree
from sealgrid.receipts.deferred_callback import DeferredCallback, deferred_digest
from sealgrid.receipts.receipt import result_digest
from sealgrid.receipts.request_document import RequestDocument
from sealgrid.receipts.verify import verify
from sealgrid.units import to_digest

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parents[1]))

from tests.unit.receipts import receipt_scene as scene  # noqa: E402

DEFERRED = DeferredCallback(b"score 97", b"\x5a" * 32)
REFUSED = {
    "another runtime is called the pinned one's": (11, {"body": {"runtime": scene.RECORD}}),
    "the quote was made for another worker": (12, {"quoted": {"worker": scene.HUB}}),
    "the evidence locks no app": (13, {"config": bytes(48)}),
    "one verdict only": (9, {"judged_by": scene.VAULT_KEYS[:1]}),
    "the requester signed another order": (20, {"body": {"request": RequestDocument.of(scene.OTHER_SIGNED)}}),
    "the vaults vouch for a signature that is the requester's own": (
        20,
        {"signature": "contract", "body": {"request": RequestDocument.of(scene.SIGNED)}},
    ),
    "the facts name another result key than the order": (20, {"facts": {"result_key": scene.RECORD}}),
    "the settled digest is another": (8, {"settle": {"result_digest": scene.RECORD}}),
}

SETTLED = {"facts": {"refusal": "7.10", "secrets": (), "inputs": ()}, "body": {"exit_class": "refused"}}
NOT_OPENED = {
    "the job ended because its dataset did not open": (6, {"body": {"exit_class": "unopened", "opened": True}}),
    "the vaults refused the deal": (6, {"facts": SETTLED["facts"], "body": {"exit_class": "refused", "opened": True}}),
    "the deal has no dataset": (
        6,
        {"facts": {"dataset": None, "secrets": ()}, "body": {"dataset": None, "opened": True}},
    ),
}


def bindings() -> dict[str, Any]:
    place = {"chain": 31337, "hub": scene.HUB}
    members = {**place, "broker": scene.BROKER, "t": 2, "vaults": scene.VAULTS}
    vault_set = binding.vault_set(**members)
    parts = {
        **place,
        "task": scene.FACTS.task,
        "worker": scene.WORKER,
        "app_digest": scene.APP,
        "enclave": scene.ENCLAVE.address,
        "vault_set": vault_set,
    }
    data = binding.report_data(**parts, hpke_public=scene.HPKE.public, nonces=scene.NONCES)
    nonces = [nonce.hex() for nonce in scene.NONCES]
    return {
        "vault_set": {**members, "digest": vault_set},
        "report_data": {**parts, "hpke_public": scene.HPKE.public.hex(), "nonces": nonces, "data": data.hex()},
        "session": binding.session(data),
        "runtimes": [identity(platform, count, size) for platform, count, size in MEASURED],
        "locked_config": {"app_digest": scene.APP, "config": binding.locked_config(scene.APP).hex()},
        "facts": {
            "document": scene.FACTS.encode().decode(),
            "digest": scene.FACTS.digest(),
            "secrets": secrets_digest(scene.FACTS),
        },
        "task_inputs": task_inputs(),
        "result": {
            "task": scene.FACTS.task,
            "sealed": scene.RESULT,
            "body": scene.RECORD,
            "digest": result_digest(scene.FACTS.task, scene.RESULT, scene.RECORD),
        },
        "deferred_callback": {
            "data": DEFERRED.data.hex(),
            "salt": DEFERRED.salt.hex(),
            "commitment": DEFERRED.commitment(),
            "result": scene.RESULT,
            "digest": deferred_digest(scene.RESULT, DEFERRED.commitment()),
        },
    }


def task_inputs() -> dict[str, Any]:
    files = [to_digest(bytes([number]) * 32) for number in range(1, 6)]
    tree = TaskInputTree(files)
    return {"files": files, "proofs": [msgspec.to_builtins(tree.proof(index)) for index in range(len(files))]}


MEASURED = ((Platform.SGX, 2, 32), (Platform.TDX, 4, 48), (Platform.SNP, 1, 48), (Platform.SIMULATED, 1, 48))


def identity(platform: Platform, count: int, size: int) -> dict[str, Any]:
    measured = [bytes([index + 1]) * size for index in range(count)]
    digest = binding.runtime_identity(platform, measured)
    return {"platform": int(platform), "measurements": [each.hex() for each in measured], "identity": digest}


def receipts() -> dict[str, Any]:
    return {
        "pins": pins(),
        "settled_refusal": {"check": "7.10", "envelope": scene.Job(**SETTLED).encode().decode()},
        "accepted": accepted(scene.Job()),
        "refused": refused(REFUSED),
    }


def opened_receipts() -> dict[str, Any]:
    return {"pins": pins(), "accepted": accepted(scene.Job(body={"opened": True})), "refused": refused(NOT_OPENED)}


def pins() -> dict[str, Any]:
    return {
        "chain": 31337,
        "hub": scene.HUB,
        "broker": scene.BROKER,
        "vaults": scene.VAULTS,
        "t": 2,
        "runtime": scene.RUNTIME,
        "simulated_root": base64.b64encode(scene.MACHINE.root_der).decode(),
    }


def accepted(job: scene.Job) -> dict[str, Any]:
    assert verify(job.encode(), scene.PINS).ok
    return {"envelope": job.encode().decode(), "onchain": msgspec.to_builtins(job.onchain())}


def refused(jobs: dict[str, tuple[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {"why": why, "check": number, "envelope": scene.Job(**changes).encode().decode()}
        for why, (number, changes) in jobs.items()
    ]


VECTORS = {"binding": bindings, "receipt": receipts, "receipt_opened": opened_receipts}


def main(names: list[str]) -> None:
    for name in names or VECTORS:
        (FOLDER / f"attestation_{name}.json").write_text(json.dumps(VECTORS[name](), indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
