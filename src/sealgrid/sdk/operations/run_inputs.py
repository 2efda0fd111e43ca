"""The inputs of a purchase, checked before any deal: their form, the app's specification, pictures, readings."""

import asyncio
from typing import Final

from sealgrid.bundle import input_check
from sealgrid.bundle.input_check import ContentChecks, OfferedInputs, check_inputs, check_model
from sealgrid.bundle.input_spec import InputSpec
from sealgrid.bundle.job_input import JobInput, check_input, split_arguments
from sealgrid.bundle.manifest import Manifest
from sealgrid.bundle.model_signature import ModelSignature
from sealgrid.errors import NotFound
from sealgrid.sdk.connection import Connection
from sealgrid.sdk.model_cards import signature_of
from sealgrid.sdk.operations.manifests import runnable_manifest
from sealgrid.sdk.operations.picture_checks import check_pictures
from sealgrid.sdk.operations.pool_selection import pools_named
from sealgrid.sdk.operations.readings_checks import check_readings
from sealgrid.sdk.operations.tensor_file_checks import check_tensor_files
from sealgrid.sdk.progress import Progress
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import ZERO_ADDRESS, Address

#: (inputs.5) by media type; the checks that need libraries of the shipped apps belong here
CONTENT_CHECKS: Final[ContentChecks] = {**input_check.CONTENT_CHECKS}


def job_input_of(request: RunRequest) -> JobInput:
    """Return what a request seals for the app."""
    return JobInput(tuple(request.args), tuple(request.files), dict(request.secrets))


async def check_purchase(
    conn: Connection, request: RunRequest, on_progress: Progress, *, check_inputs: bool = True
) -> Manifest:
    """Apply the checks of a purchase that need no offer, and return the app's manifest.

    Without ``check_inputs`` the inputs are not compared with the app's specification, and no file is opened. Raises
    InputMismatch for inputs that the specification does not take (``bundle.input_check``), InputRefused for input that
    the enclave or a shipped app would refuse (``bundle.job_input``, ``tensor_file_checks``, ``picture_checks``,
    ``readings_checks``) and for an unknown pool, InterpreterMismatch for an app that is built for another Python than
    the network's, NotFound for a model whose sealed file is gone.
    """
    check_input(job_input_of(request), split_arguments(request.public_args))
    pools_named(conn.network, request.pool)
    manifest = await runnable_manifest(conn, request.app)
    await check_stored(conn, request.model)
    if check_inputs:
        signature = await public_signature(conn, manifest, request)
        await check_content(manifest, request, signature, on_progress)
    return manifest


async def check_content(
    manifest: Manifest, request: RunRequest, signature: ModelSignature | None, on_progress: Progress
) -> None:
    """Compare the inputs of one task with the app's specification and the model's signature; open its files."""
    await asyncio.to_thread(check_request, manifest, request, signature)
    await check_tensor_files(manifest, request.files, signature, on_progress)
    await check_pictures(manifest, request.files, on_progress)
    await check_readings(manifest, request.files, on_progress)


async def check_stored(conn: Connection, model: Address) -> None:
    """Raise NotFound for a model whose sealed file no storage node has: its owner may have removed it."""
    if model == ZERO_ADDRESS:
        return
    facts = await conn.asset_facts.read("Dataset", model)
    try:
        await conn.storage.size(facts.checksum)
    except NotFound as error:
        raise NotFound(
            f"the sealed file of {facts.name!r} is gone from this network's storage, so no run can use it; its owner "
            "may have removed it."
        ) from error


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
