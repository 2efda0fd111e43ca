"""AMD machines for the attack tests: the shape of AMD's certificates and reports, under an authority of the tests."""

import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from sealgrid.attestation.evidence import Quote, TcbVersion, TrustRoot
from sealgrid.attestation.policy import Platform
from sealgrid.attestation.snp_collateral import SnpCollateral
from sealgrid.attestation.verification import verify

NOW = 1_790_000_000
DAY = 24 * 3600
APP = b"\xaa" * 32
MEASUREMENT = bytes(range(48))
REPORT_DATA = bytes(range(64))
CHIP = bytes(range(64, 128))
TCB = {"bootloader": 4, "tee": 0, "snp": 24, "microcode": 219}
GOOD_POLICY = 1 << 17
PROVIDER = "CN=cloud.example"
PSS = padding.PSS(padding.MGF1(hashes.SHA384()), 48)


@cache
def rsa_key(name):
    return rsa.generate_private_key(65537, 2048)  # AMD's have 4096 bits, which take seconds to find


@cache
def leaf_key(name="chip"):
    return ec.generate_private_key(ec.SECP384R1())


def _name(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _at(seconds):
    return datetime.fromtimestamp(seconds, tz=UTC)


def issue(name, public, issuer, key, *, extensions=(), valid=(NOW - DAY, NOW + DAY), serial=7):
    builder = x509.CertificateBuilder(_name(issuer), _name(name), public, serial, _at(valid[0]), _at(valid[1]))
    for oid, value in extensions:
        full = x509.ObjectIdentifier(f"1.3.6.1.4.1.3704.1.{oid}")
        builder = builder.add_extension(x509.UnrecognizedExtension(full, value), critical=False)
    return builder.sign(key, hashes.SHA384(), rsa_padding=PSS).public_bytes(Encoding.DER)


def _integer(value):
    body = value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)
    return bytes([2, len(body)]) + body


def _ia5(text):
    return bytes([0x16, len(text)]) + text.encode()


@dataclass(frozen=True)
class SnpMachine:
    """One chip and the authority above it."""

    product: str = "Milan"
    authority: str = "ours"

    @property
    def ark(self):
        key = rsa_key(f"ark {self.authority}")
        return issue(f"ARK-{self.product}", key.public_key(), f"ARK-{self.product}", key)

    @property
    def root(self):
        return TrustRoot(Platform.SNP, ark_of(self))

    def intermediate(self, *, vlek=False, signer=None, **how):
        name = f"SEV-VLEK-{self.product}" if vlek else f"SEV-{self.product}"
        above = rsa_key(signer or f"ark {self.authority}")
        return issue(name, rsa_key(f"ask {self.authority}").public_key(), f"ARK-{self.product}", above, **how)

    def leaf(self, *, vlek=False, tcb=TCB, chip=CHIP, product=None, provider=PROVIDER, key="chip", signer=None, **how):
        parts = {"bootloader": "3.1", "tee": "3.2", "snp": "3.3", "microcode": "3.8", "fmc": "3.9"}
        extensions = [("2", _ia5(f"{product or self.product}-B0"))]
        extensions += [(parts[part], _integer(value)) for part, value in tcb.items()]
        extensions += [("5", _ia5(provider))] if vlek else [("4", chip)]
        name, above = ("SEV-VLEK", f"SEV-VLEK-{self.product}") if vlek else ("SEV-VCEK", f"SEV-{self.product}")
        key_above = rsa_key(signer or f"ask {self.authority}")
        return issue(name, leaf_key(key).public_key(), above, key_above, extensions=extensions, **how)

    def revocation_list(self, *, number=5, revoked=(), signer=None, valid=(NOW - DAY, NOW + DAY)):
        builder = x509.CertificateRevocationListBuilder(_name(f"ARK-{self.product}"), _at(valid[0]), _at(valid[1]))
        if number is not None:
            builder = builder.add_extension(x509.CRLNumber(number), critical=False)
        for serial in revoked:
            gone = x509.RevokedCertificateBuilder(serial_number=serial, revocation_date=_at(valid[0]))
            builder = builder.add_revoked_certificate(gone.build())
        key = rsa_key(signer or f"ark {self.authority}")
        return builder.sign(key, hashes.SHA384(), rsa_padding=PSS).public_bytes(Encoding.DER)

    def collateral(self, *, vlek=False, **parts):
        usual = {
            "leaf": leaf_of(self, vlek),
            "intermediate": intermediate_of(self, vlek),
            "root": ark_of(self),
            "revocation_list": list_of(self),
        }
        return SnpCollateral(**usual | parts)

    def quote(self, collateral=None, *, key="chip", **fields):
        return Quote(report(key=key, **fields), (collateral or self.collateral()).encode())


@cache
def ark_of(machine):
    return machine.ark


@cache
def leaf_of(machine, vlek):
    return machine.leaf(vlek=vlek)


@cache
def intermediate_of(machine, vlek):
    return machine.intermediate(vlek=vlek)


@cache
def list_of(machine):
    return machine.revocation_list()


def report(
    *,
    key="chip",
    version=3,
    policy=GOOD_POLICY,
    vmpl=0,
    info=0,
    signing_key=0,
    report_data=REPORT_DATA,
    measurement=MEASUREMENT,
    host_data=APP,
    tcb=bytes([4, 0, 0, 0, 0, 0, 24, 219]),
    chip=CHIP,
    algorithm=1,
    cpuid=(0, 0),
):
    body = bytearray(0x2A0)
    for at, value in (
        (0x00, version.to_bytes(4, "little")),
        (0x08, policy.to_bytes(8, "little")),
        (0x30, vmpl.to_bytes(4, "little")),
        (0x34, algorithm.to_bytes(4, "little")),
        (0x40, info.to_bytes(8, "little")),
        (0x48, (signing_key << 2).to_bytes(4, "little")),
        (0x50, report_data),
        (0x90, measurement),
        (0xC0, host_data),
        (0x180, tcb),
        (0x188, bytes(cpuid)),
        (0x1A0, chip),
    ):
        body[at : at + len(value)] = value
    r, s = decode_dss_signature(leaf_key(key).sign(bytes(body), ec.ECDSA(hashes.SHA384())))
    return bytes(body) + r.to_bytes(72, "little") + s.to_bytes(72, "little") + bytes(368)


def check(quote, root=None, *, at=NOW):
    with warnings.catch_warnings():
        return verify(quote, [root or SnpMachine().root], at=at, allow_simulated=False)


FLOOR = TcbVersion(**TCB)
