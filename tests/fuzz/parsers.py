"""Every parser that takes a stranger's bytes, with real bytes to damage and the memory that it may use.

``bound`` is stated in docs/protocol/limits.md; a meta test compares. ``longest`` is the most that the parser is given.
"""

import base64
import io
import json
import tempfile
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sealgrid.ados.api.messages import ScoreRequest
from sealgrid.ados.signing import SigningTerms, join_files, sign_readings
from sealgrid.ados.watch.stream import read_record
from sealgrid.attestation import snp_collateral
from sealgrid.attestation.certificates import load_certificate
from sealgrid.attestation.collateral import verify_intel_collateral, verify_snp_collateral
from sealgrid.attestation.evidence import Collateral, Quote, TrustRoot
from sealgrid.attestation.facts import parse_facts
from sealgrid.attestation.job_params import parse_params
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.quote_format import claimed_identity
from sealgrid.attestation.simulated import SimulatedQuoter
from sealgrid.attestation.simulated_pki import SimulatedPlatformKeys
from sealgrid.attestation.verification import verify
from sealgrid.bundle import result_padding
from sealgrid.crypto import container
from sealgrid.crypto.digests import sha256
from sealgrid.crypto.hpke import HpkeKey, seal
from sealgrid.crypto.iexec_format import open_iexec
from sealgrid.crypto.iexec_result_key import parse_rsa_key
from sealgrid.crypto.signing import SigningKey
from sealgrid.errors import DECODE_ERRORS, EvidenceRefused, InputRefused, ProofRefused, SealgridError
from sealgrid.platform import guest
from sealgrid.poco.orders import AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder, from_document, to_document
from sealgrid.receipts.receipt import parse_envelope, parse_signed_body
from sealgrid.receipts.report import TrustPins
from sealgrid.receipts.verify import verify as verify_receipt
from sealgrid.sdk.operations.onnx_structure import read_structure
from sealgrid.shipped_apps.ados.quality.errors import ReadingsRefused
from sealgrid.shipped_apps.ados.quality.file_reader import read_file
from sealgrid.shipped_apps.ados.quality.graph import SensorGraph, read_graph
from sealgrid.shipped_apps.ados.quality.grid import to_grid
from sealgrid.shipped_apps.ados.quality.model_file import read_model
from sealgrid.shipped_apps.ados.quality.shard_file import read_shard, write_shard
from sealgrid.shipped_apps.ados.quality.shards import Shard
from sealgrid.shipped_apps.ados.quality.signed_file import read_signed
from sealgrid.units import to_digest
from sealgrid.wire import admission, authority, market, platform, pool, relay, shares, storage, vault, worker_session
from sealgrid.wire.collateral import AmdClient, FetchReply, IntelClient
from sealgrid.wire.http_transport import parse_error
from sealgrid.wire.message import Message, parse
from tests.fuzz.archive_parsers import archive_parsers
from tests.fuzz.parser import MIB, ROOT, Parser
from tests.unit.attestation.snp_machine import SnpMachine, report

NOW = 1_790_000_000
VECTORS = ROOT / "tests" / "vectors"
DEK = bytes(range(32))


@cache
def machine():
    return SimulatedQuoter(SimulatedPlatformKeys.generate(NOW), now=NOW)


@cache
def amd():
    return SnpMachine()


def _judge(raw, collateral):
    roots = [machine().trust_root, amd().root]
    return verify(Quote(raw, Collateral(collateral)), roots, at=NOW, allow_simulated=True)


class _Answers:
    """A collateral service that answers everything with the same bytes."""

    def __init__(self, raw):
        self._raw = raw

    async def __call__(self, _path):
        names = ("sgx-pck-crl-issuer-chain", "tcb-info-issuer-chain", "sgx-enclave-identity-issuer-chain")
        return FetchReply(self._raw, dict.fromkeys(names, "%2D"))


def _asked(question):
    """Run a coroutine that never waits."""
    try:
        question.send(None)
    except StopIteration as ended:
        return ended.value
    raise AssertionError("it waited")


def _chain():
    given = amd().collateral()
    return b"".join(load_certificate(each).public_bytes(Encoding.PEM) for each in (given.intermediate, given.root))


def _quotes():
    made = machine().quote(bytes(48), bytes(48), bytes(64))
    lengths = []
    for at in (632, 636 + 128 + 2, 1254):  # where a TD quote says how long something is
        for value in (0, 0x7FFFFFFF, 0xFFFFFFFF):
            raw = bytearray(made.raw)
            raw[at : at + 4] = value.to_bytes(4, "little")
            lengths.append(bytes(raw))
    collateral = made.collateral.raw
    return (
        Parser(
            "quote",
            lambda raw: _judge(raw, collateral),
            (made.raw, machine().sign_sgx(bytes(32), bytes(64))),
            64 << 10,
            16 * MIB,
            hostile=tuple(lengths),
        ),
        Parser("collateral", lambda raw: _judge(made.raw, raw), (collateral,), MIB, 32 * MIB),
        Parser(
            "cached collateral",
            lambda raw: verify_intel_collateral(Collateral(raw), [machine().trust_root], NOW),
            (collateral,),
            MIB,
            32 * MIB,
        ),
        Parser(
            "snp report",
            lambda raw: _judge(raw.ljust(1184, b"\0")[:1184], amd().collateral().encode().raw),
            (report(),),
            1184,
            4 * MIB,
        ),
        Parser(
            "snp collateral", lambda raw: _judge(report(), raw), (amd().collateral().encode().raw,), 64 << 10, 8 * MIB
        ),
        Parser(
            "cached snp collateral",
            lambda raw: verify_snp_collateral(Collateral(raw), [amd().root], NOW),
            (amd().collateral().encode().raw,),
            64 << 10,
            8 * MIB,
        ),
        Parser(
            "snp certificates",
            snp_collateral.parse_certificate_table,
            (bytes(24), b"\x01".ljust(24, b"\0") * 40),
            1 << 20,
            4 * MIB,
            (ValueError,),
        ),
        Parser("snp leaf", snp_collateral.parse_leaf, (amd().collateral().leaf,), 16 << 10, 4 * MIB, (ValueError,)),
        Parser(
            "intel's answers",
            lambda raw: _asked(IntelClient(_Answers(raw)).collateral("tdx", "00", "platform")),
            (b'{"tcbInfo":{"id":1},"enclaveIdentity":{"id":2},"signature":"00"}',),
            MIB,
            8 * MIB,
        ),
        Parser(
            "amd's answers",
            lambda raw: _asked(AmdClient(_Answers(raw)).authorities("Milan", "vcek")),
            (_chain(),),
            MIB,
            16 * MIB,
        ),
        Parser(
            "quote's claimed identity",
            lambda raw: claimed_identity(raw, to_digest(bytes(32))),
            (made.raw, report()),
            64 << 10,
            MIB,
            (ValueError,),
        ),
    )


def _by_iexec(plain):
    padder = PKCS7(128).padder()
    cipher = Cipher(AES256(DEK), CBC(bytes(16))).encryptor()
    return bytes(16) + cipher.update(padder.update(plain) + padder.finalize()) + cipher.finalize()


def _rsa_pem():
    public = rsa.generate_private_key(65537, 2048).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _containers():
    vectors = json.loads((VECTORS / "container.json").read_bytes())
    sealed = tuple(bytes.fromhex(each["sealed"]) for each in vectors if "sealed" in each)
    key = HpkeKey.from_bytes(b"\x13" * 32)
    huge = container.seal_bytes(b"x", dek=DEK, key_id=bytes(16))
    claims = tuple(huge[:10] + size.to_bytes(8, "big") + huge[18:] for size in (1 << 40, (1 << 64) - 1))
    return (
        Parser(
            "container", lambda raw: container.open_bytes(raw, DEK), (*sealed, huge), 4 * MIB, 16 * MIB, hostile=claims
        ),
        Parser(
            "iexec file",
            lambda raw: open_iexec(io.BytesIO(raw), io.BytesIO(), DEK, sha256=to_digest(sha256(raw))),
            (_by_iexec(b"plain"), bytes(range(256))),
            4 * MIB,
            16 * MIB,
        ),
        Parser("rsa key", lambda raw: parse_rsa_key(base64.b64encode(raw)), (_rsa_pem(),), 4 << 10, 2 * MIB),
        Parser(
            "hpke message", lambda raw: key.open(raw, b"info"), (seal(key.public, b"plain", b"info"),), 64 << 10, MIB
        ),
        Parser("padded result", result_padding.unpad, (result_padding.pad(b"result"),), 4 * MIB, 16 * MIB),
    )


def _onnx(raw):
    with tempfile.NamedTemporaryFile() as file:
        file.write(raw)
        file.flush()
        read_structure(Path(file.name))


_QUALITY_MODEL = ROOT / "src" / "sealgrid" / "shipped_apps" / "ados" / "stations.onnx"
_READINGS = (
    b"time,received,a,b\n2026-01-01T12:00:00Z,1767268830,1.5,\n1767269400,,1.6,2\n",
    b"time;sensor;value\n2026-01-01 12:00;a;1,5\n",
    b'[{"bn":"a","bt":1767268800,"bver":10,"v":1.5},{"n":"b","t":60,"vb":true}]',
    b'{"readings":[{"time":1767268800000,"sensor":"a","value":null},{"time":1767268800,"b":1}]}',
)
_STATION = SigningKey.from_bytes(b"\x51" * 32)
_SIGNED = join_files(
    [sign_readings(_READINGS[0], _STATION, SigningTerms("a"))],
    {"chain": 1, "feed": "0x" + "fe" * 20, "stations": [{"sensor": "a", "station": _STATION.address}]},
)
_SCORE_REQUESTS = (b'{"model":"stations","data":"data:text/csv;base64,dGltZSxhCg==","window":6,"max_price":"0.5 RLC"}',)
_GRAPH = SensorGraph(("a", "b"), 600, np.array([[1], [0]]))
_SHARD = write_shard(_GRAPH, to_grid(read_file(_READINGS[0]), _GRAPH.sensors, 600).readings, Shard((0,), 0, 2))
_ERRORS = tuple(
    msgspec.json.encode(error.to_wire())
    for error in (InputRefused("e"), EvidenceRefused("2", "e"), ProofRefused("e", check=3))
)


def _verified(raw):
    return read_signed(raw, read_file(raw))


def _documents():
    recorded = json.loads((VECTORS / "attestation_receipt.json").read_bytes())
    envelope = recorded["accepted"]["envelope"].encode()
    pins_document = dict(recorded["pins"])
    root = TrustRoot(Platform.SIMULATED, base64.b64decode(pins_document.pop("simulated_root")))
    runtime, vaults = pins_document.pop("runtime"), tuple(pins_document.pop("vaults"))
    pins = TrustPins(**pins_document, vaults=vaults, roots=(root,), runtimes=frozenset({runtime}), allow_simulated=True)
    read = parse_envelope(envelope)
    body, facts = read.receipt.encode(), read.facts.encode()
    params = b'{"sealgrid":{"result_key":"0x%s","inputs":["0x%s"]},"iexec_args":"a b"}' % (b"11" * 32, b"22" * 32)
    return (
        Parser("receipt", lambda raw: verify_receipt(raw, pins), (envelope,), 4 * MIB, 64 * MIB),
        Parser("receipt body", parse_signed_body, (body,), 4 * MIB, 64 * MIB),
        Parser("facts", parse_facts, (facts,), MIB, 16 * MIB),
        Parser("params", lambda raw: parse_params(raw.decode(errors="replace")), (params,), MIB, 8 * MIB),
        Parser("onnx file", _onnx, (b"\x08\x08\x3a\x02\x0a\x00",), MIB, 4 * MIB),
        Parser("readings", read_file, _READINGS, MIB, 256 * MIB, (ReadingsRefused,)),
        Parser("signed readings", _verified, (_SIGNED,), MIB, 256 * MIB, (ReadingsRefused,)),
        Parser(
            "line of a stream", lambda raw: read_record(raw, "time,a", 0), (*_READINGS, _SIGNED), MIB, 256 * MIB, ()
        ),
        Parser("request to score", lambda raw: parse(raw, ScoreRequest), _SCORE_REQUESTS, 4 * MIB, 16 * MIB),
        Parser("shard of readings", read_shard, (_SHARD,), MIB, 256 * MIB, (ReadingsRefused,)),
        Parser("graph of sensors", read_graph, (_GRAPH.content(),), MIB, 64 * MIB, (ReadingsRefused,)),
        Parser("quality model", read_model, (_QUALITY_MODEL.read_bytes(),), MIB, 64 * MIB, (ReadingsRefused,)),
        Parser("service's error", lambda raw: parse_error(raw, 500), _ERRORS, MIB, 8 * MIB),
    )


def _orders():
    def reader(kind):
        return lambda raw: from_document(kind, parse(raw, dict[str, str]))

    here = "0x" + "11" * 20
    orders = (
        AppOrder(app=here, appprice=1),
        DatasetOrder(dataset=here, datasetprice=1),
        WorkerpoolOrder(workerpool=here, workerpoolprice=1),
        RequestOrder(app=here, requester=here, beneficiary=here, params="{}"),
    )
    return tuple(
        Parser(type(order).__name__, reader(type(order)), (json.dumps(to_document(order)).encode(),), 4 * MIB, 64 * MIB)
        for order in orders
    )


def _messages():
    kinds = sorted(
        {
            kind
            for module in (admission, authority, guest, market, platform, pool, storage, vault)
            for kind in vars(module).values()
            if isinstance(kind, type) and issubclass(kind, Message) and kind is not Message
        },
        key=lambda kind: kind.__name__,
    )

    def every(raw):
        for kind in kinds:
            try:
                parse(raw, kind)
            except SealgridError:
                continue

    def frames(raw):
        for kind in (
            relay.RelayRequest,
            relay.RelayReply,
            relay.RelayHello,
            relay.RelayWelcome,
            relay.ResultDelivery,
            relay.EnclaveFailure,
        ):
            try:
                msgspec.msgpack.decode(raw, type=kind)
            except DECODE_ERRORS:
                continue

    job = pool.JobAssignment(
        deal="0x" + "11" * 32,
        task="0x" + "22" * 32,
        index=0,
        fence=1,
        app="0x" + "33" * 20,
        app_digest="0x" + "44" * 32,
        bundle="/ipfs/x",
        contribution_deadline=1,
    )
    seeds = (
        msgspec.json.encode(job),
        msgspec.json.encode(pool.SignedCall(worker="0x", issued=1, signature=b"", payload=b"{}")),
        msgspec.json.encode(worker_session.SessionCall(session="00", number=1, mac=b"", payload=b"{}")),
        msgspec.json.encode(shares.SharePart(value=bytes(32), blind=bytes(32))),
    )
    frame = relay.RelayRequest(id=1, call="vault", index=0, path="/", offset=0, length=0, body=b"body")
    return (
        Parser("wire messages", every, seeds, 4 * MIB, 64 * MIB),
        Parser("relay frames", frames, (msgspec.msgpack.encode(frame),), 4 * MIB, 64 * MIB),
    )


@cache
def parsers() -> tuple[Parser, ...]:
    """Return all of them."""
    return (*_quotes(), *_containers(), *archive_parsers(), *_documents(), *_orders(), *_messages())
