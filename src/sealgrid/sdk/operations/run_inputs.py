"""The inputs of a purchase, checked against the specification in the app's manifest before any deal."""

from msgspec import UNSET

from sealgrid.bundle.input_check import OfferedInputs, check_inputs, check_model
from sealgrid.bundle.job_input import split_arguments
from sealgrid.bundle.manifest import Manifest
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import ZERO_ADDRESS


def check_request(manifest: Manifest, request: RunRequest) -> None:
    """Raise InputMismatch for inputs that the app does not take; an app without a specification takes anything."""
    if manifest.inputs is UNSET:
        return
    offered = OfferedInputs(
        has_model=_names_model(request),
        files=request.files,
        args=(*split_arguments(request.public_args), *request.args),
        secrets=request.secrets.keys(),
    )
    check_inputs(manifest.name, manifest.inputs, offered)


def check_request_model(manifest: Manifest, request: RunRequest) -> None:
    """Apply the checks of the model alone: those of a purchase whose files the buyer sealed."""
    if manifest.inputs is not UNSET:
        check_model(manifest.name, manifest.inputs, has_model=_names_model(request))


def _names_model(request: RunRequest) -> bool:
    return request.model != ZERO_ADDRESS or request.model_order is not None
