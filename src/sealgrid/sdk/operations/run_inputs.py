"""The inputs of a purchase, checked against the specification in the app's manifest before any deal."""

from typing import Final

from sealgrid.bundle import input_check
from sealgrid.bundle.input_check import ContentChecks, OfferedInputs, check_inputs, check_model
from sealgrid.bundle.input_spec import InputSpec
from sealgrid.bundle.job_input import split_arguments
from sealgrid.bundle.manifest import Manifest
from sealgrid.bundle.model_signature import ModelSignature
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.model_cards import signature_of
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import ZERO_ADDRESS

#: (inputs.5) by media type; the checks that need libraries of the shipped apps belong here
CONTENT_CHECKS: Final[ContentChecks] = {**input_check.CONTENT_CHECKS}


async def public_signature(conn: Connection, manifest: Manifest, request: RunRequest) -> ModelSignature | None:
    """Return the signature of the requested model, if the app's specification needs it and the owner published one."""
    spec = manifest.inputs
    if not isinstance(spec, InputSpec) or not spec.model_format or request.model == ZERO_ADDRESS:
        return None
    return await signature_of(conn, request.model)


def check_request(manifest: Manifest, request: RunRequest, signature: ModelSignature | None = None) -> None:
    """Raise InputMismatch for inputs that the app does not take; an app without a specification takes anything."""
    if not isinstance(manifest.inputs, InputSpec):
        return
    offered = OfferedInputs(
        has_model=_names_model(request),
        signature=signature,
        files=request.files,
        args=(*split_arguments(request.public_args), *request.args),
        secrets=request.secrets.keys(),
    )
    check_inputs(manifest.name, manifest.inputs, offered, CONTENT_CHECKS)


def check_request_model(manifest: Manifest, request: RunRequest, signature: ModelSignature | None = None) -> None:
    """Apply the checks of the model alone: those of a purchase whose files the buyer sealed."""
    if isinstance(manifest.inputs, InputSpec):
        check_model(manifest.name, manifest.inputs, has_model=_names_model(request), signature=signature)


def _names_model(request: RunRequest) -> bool:
    return request.model != ZERO_ADDRESS or request.model_order is not None
