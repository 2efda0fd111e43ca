"""A network file says on which terms its clients believe evidence."""

import msgspec

from sealgrid.attestation.evidence import TcbVersion
from sealgrid.attestation.policy import Platform
from sealgrid.sdk.network import Root
from tests.unit.attestation.hardware_machines import machine


def test_a_root_in_a_network_file_keeps_its_terms():
    der = machine(Platform.SNP).root_der
    root = Root(Platform.SNP, der, traits=("smt",), least_tcb=TcbVersion(snp=24))
    trusted = msgspec.json.decode(msgspec.json.encode(root), type=Root).trusted()
    assert (trusted.platform, trusted.traits, trusted.least_tcb) == (Platform.SNP, {"smt"}, TcbVersion(snp=24))


def test_a_root_without_terms_accepts_nothing_special():
    document = msgspec.json.encode({"platform": 2, "root_ca_der": machine(Platform.TDX).root_der})
    trusted = msgspec.json.decode(document, type=Root).trusted()
    assert (trusted.traits, trusted.statuses) == (frozenset(), frozenset())
