"""The requester's signed order of one task: its format in receipts and messages, and its verification.

A task's id commits to the hash of the request order that PoCo matched (docs/protocol/release.md, "What the enclave
checks"). So an enclave, which has no chain access, can verify that an order is its task's and use the order's terms.
"""

from dataclasses import dataclass
from typing import Annotated, NoReturn, Self

import msgspec

from sealgrid.attestation.facts import Facts, RequesterSignature
from sealgrid.attestation.field_types import HexAddress, HexDigest
from sealgrid.attestation.job_params import JobParams, parse_params
from sealgrid.attestation.task_inputs import TaskInputProof
from sealgrid.errors import EvidenceRefused, InputRefused
from sealgrid.poco.ids import deal_id, task_id
from sealgrid.poco.orders import RequestOrder
from sealgrid.poco.typed_data import OrderDomain, is_signed_by, order_hash
from sealgrid.units import ZERO_ADDRESS, Digest

Uint256 = Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,77})\Z")]  #: decimal; JSON has no such numbers

#: kind of the requester's signature -> sentence of the report
SIGNATURE_SENTENCES: dict[RequesterSignature, str] = {
    "eoa": "the requester's own signature",
    "presigned": "presigned on chain: t vaults vouch for the requester's signature",
    "contract": "a contract's (ERC-1271): t vaults vouch for the requester's signature",
}


class RequestDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request order with its signature, in canonical form; unverified. The fields are PoCo's."""

    app: HexAddress
    appmaxprice: Uint256
    dataset: HexAddress
    datasetmaxprice: Uint256
    workerpool: HexAddress
    workerpoolmaxprice: Uint256
    requester: HexAddress
    volume: Uint256
    tag: HexDigest
    category: Uint256
    trust: Uint256
    beneficiary: HexAddress
    callback: HexAddress
    params: str
    salt: HexDigest
    sign: bytes  #: empty for an order that was presigned on chain

    @classmethod
    def of(cls, order: RequestOrder) -> Self:
        """Return the document of an order."""
        fields = {name: str(getattr(order, name)) for _, name in RequestOrder.TYPES}
        return msgspec.convert(fields | {"sign": order.sign}, cls)

    def order(self) -> RequestOrder:
        """Return the order as PoCo hashes it."""
        numbers = {name: int(getattr(self, name)) for solidity, name in RequestOrder.TYPES if solidity == "uint256"}
        return msgspec.convert(msgspec.structs.asdict(self) | numbers, RequestOrder)


@dataclass(frozen=True)
class VerifiedRequest:
    """A request order that is verified as the task's. Only ``verify_request`` creates it."""

    document: RequestDocument
    order: RequestOrder
    params: JobParams
    signature: RequesterSignature


def hash_request(order: RequestOrder, domain: OrderDomain) -> Digest:
    """Return an order's hash; raise InputRefused where a field does not fit its type, such as 2^256."""
    try:
        return order_hash(order, domain)
    except (ValueError, OverflowError) as error:
        raise InputRefused(f"the request order has a field that does not fit its type: {error}.") from error


def verify_request(document: RequestDocument, facts: Facts) -> VerifiedRequest:
    """Return the order of the task that the facts describe; raise EvidenceRefused.

    (13) Its hash on the facts' chain and hub makes the facts' deal with the index of the deal's first task, and that
         deal makes the task with the task's index.
    (14) The facts say ``eoa`` where the requester's signature of 65 bytes (64 by EIP-2098) is with the order, and only
         there; else they state how PoCo accepted it as signed, which the vaults vouch for.
    (15) Requester, beneficiary, callback, app, dataset, params, inputs and the X25519 result key of the facts are the
         order's; where its params name inputs of single tasks, a path proves which one is this task's. The facts have
         a bulk where the params name one. Facts that refuse the deal state nothing of its params.
    """
    order, domain = document.order(), OrderDomain(chain=facts.chain, hub=facts.hub)
    digest = hash_request(order, domain)
    deal = deal_id(digest, facts.bot_first)
    if (deal, task_id(deal, facts.index)) != (facts.deal, facts.task):  # (13)
        raise EvidenceRefused("13", "the presented request order is not the one of this task.")
    if is_signed_by(order.requester, digest, order.sign) != (facts.requester_signature == "eoa"):  # (14)
        raise EvidenceRefused(
            "14", f"the requester's signature is not of the kind that the vaults state: {facts.requester_signature}."
        )
    return VerifiedRequest(document, order, _check_terms(order, facts), facts.requester_signature)  # (15)


def _check_terms(order: RequestOrder, facts: Facts) -> JobParams:
    for name in ("requester", "beneficiary", "callback", "params"):
        if getattr(order, name) != getattr(facts, name):
            _refuse_term(name)
    if order.app != facts.app.address:
        _refuse_term("app")
    if order.dataset != (ZERO_ADDRESS if facts.dataset is None else facts.dataset.address):
        _refuse_term("dataset")
    if facts.refusal:
        return JobParams()  # they may be invalid, and nothing of them is used
    params = parse_params(order.params)
    if not _are_inputs(facts, params):
        _refuse_term("inputs")
    # The RSA key of iExec's clients is not in the order: its beneficiary signed it separately.
    if not params.is_for_rsa and params.result_key != facts.result_key:
        _refuse_term("result key")
    if (params.bulk_cid is None) != isinstance(facts.bulk, msgspec.UnsetType):
        _refuse_term("bulk")
    return params


def _are_inputs(facts: Facts, params: JobParams) -> bool:
    """Return whether the facts' inputs are those that the params name, with the task's own as their last."""
    if params.task_inputs is None or isinstance(facts.input_path, msgspec.UnsetType):
        return (params.task_inputs, facts.input_path, params.inputs) == (None, msgspec.UNSET, facts.inputs)
    *shared, own = facts.inputs or (Digest(""),)
    proof = TaskInputProof(inputs=params.task_inputs, index=facts.index, path=facts.input_path)
    return bool(own) and tuple(shared) == params.inputs and proof.proves(own)


def _refuse_term(name: str) -> NoReturn:
    raise EvidenceRefused("15", f"the vaults' facts differ from the requester's order in: {name}.")
