"""AMD's certificates: what a leaf names, in both spellings of a chip, and the number of a revocation list."""

from dataclasses import replace

import pytest

from sealgrid.attestation.snp_collateral import find_chain_error, parse_chain, parse_leaf
from sealgrid.attestation.snp_report import ReportSigningKey
from tests.unit.attestation.snp_machine import CHIP, DAY, NOW, PROVIDER, TCB, SnpMachine

MACHINE = SnpMachine()
CHAIN = parse_chain(MACHINE.quote().collateral)


def test_a_chips_leaf_names_product_firmware_and_chip() -> None:
    leaf = parse_leaf(MACHINE.leaf())
    assert (leaf.kind, leaf.product, leaf.chip, leaf.provider) == (ReportSigningKey.VCEK, "Milan", CHIP, "")
    assert {part: getattr(leaf.tcb, part) for part in TCB} == TCB


def test_a_chip_in_an_octet_string_is_the_same_chip() -> None:
    assert parse_leaf(MACHINE.leaf(chip=b"\x04\x40" + CHIP)).chip == CHIP


def test_a_providers_leaf_names_no_chip() -> None:
    leaf = parse_leaf(MACHINE.leaf(vlek=True))
    assert (leaf.kind, leaf.chip, leaf.provider) == (ReportSigningKey.VLEK, b"", PROVIDER)


@pytest.mark.parametrize("der", [b"", MACHINE.root.root_ca_der], ids=["empty", "an RSA key"])
def test_another_certificate_is_no_leaf(der: bytes) -> None:
    with pytest.raises(ValueError):
        parse_leaf(der)


def test_a_chain_without_a_list_has_the_lowest_number_and_no_error() -> None:
    assert (CHAIN.list_number, find_chain_error(CHAIN, NOW)) == (5, None)
    without = replace(CHAIN, revocation_list=None)
    assert (without.list_number, find_chain_error(without, NOW)) == (0, None)


@pytest.mark.parametrize(
    ("chain", "at", "error"),
    [
        (replace(CHAIN, intermediate=CHAIN.root), NOW, "not signed by the one above"),
        (CHAIN, NOW + 2 * DAY, "not valid at this time"),
    ],
)
def test_the_first_error_of_a_chain_is_named(chain: object, at: int, error: str) -> None:
    assert error in find_chain_error(chain, at)
