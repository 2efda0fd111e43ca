"""Environment variables and output conventions of an app as with iExec's workers (docs.iex.ec, "Build an app")."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import msgspec

from sealgrid.attestation.facts import BulkFact, DatasetFact, Facts
from sealgrid.crypto.digests import keccak256, sha256
from sealgrid.errors import DECODE_ERRORS, AppFailed
from sealgrid.units import ZERO_ADDRESS, Address, DealId, TaskId, to_bytes

DATASETS_FOLDER = "/iexec_in"  #: named by addresses; only the runtime writes here
INPUTS_FOLDER = "/iexec_inputs"  #: named by the requester
OUTPUT_FOLDER = "/iexec_out"
COMPUTED = "computed.json"
MAX_CALLBACK_BYTES = 16 << 10  #: callback data are paid for in gas, by the worker


@dataclass(frozen=True)
class AppTask:
    """What an app learns of its task, its deal and its datasets."""

    deal: DealId
    task: TaskId
    index: int
    bot_first: int  #: index of the deal's first task
    bot_size: int  #: number of the deal's tasks
    dataset: Address = ZERO_ADDRESS
    bulk: BulkFact | None = None

    @classmethod
    def of(cls, facts: Facts) -> Self:
        """Return what an app learns of the facts that vaults signed."""
        return cls(
            deal=facts.deal,
            task=facts.task,
            index=facts.index,
            bot_first=facts.bot_first,
            bot_size=facts.bot_size,
            dataset=ZERO_ADDRESS if facts.dataset is None else facts.dataset.address,
            bulk=facts.bulk or None,
        )


@dataclass(frozen=True)
class AppInputs:
    """Inputs of an app, loaded and ready to use."""

    arguments: tuple[str, ...] = field(default=(), repr=False)  #: public ones, then sealed ones
    input_files: Sequence[str] = ()  #: names below IEXEC_INPUT_FILES_FOLDER, in the requester's order
    requester_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)  #: by number
    developer_secret: str | None = field(default=None, repr=False)
    bulk: Mapping[int, DatasetFact] = field(default_factory=dict)  #: by index in the slice


@dataclass(frozen=True)
class ComputedResult:
    """Content of an app's computed.json."""

    path: str  #: below IEXEC_OUT; empty for a callback alone
    callback: bytes | None = field(repr=False)  #: data for the deal's callback contract


def environment(task: AppTask, inputs: AppInputs) -> dict[str, str]:
    """Return the environment variables of an app; a dataset's file is named by its address.

    iExec's workers put a requester's files beside the dataset, into IEXEC_IN. Here they have a separate folder: the
    requester chooses their names, which must not collide with a dataset's. As with iExec, a task without a dataset has
    the zero address in its place, and each dataset of a bulk has its variable; an app tests whether the file exists.
    """
    variables = {
        "IEXEC_TASK_ID": task.task,
        "IEXEC_DEAL_ID": task.deal,
        "IEXEC_TASK_INDEX": str(task.index),
        "IEXEC_IN": DATASETS_FOLDER,
        "IEXEC_OUT": OUTPUT_FOLDER,
        "IEXEC_BOT_SIZE": str(task.bot_size),
        "IEXEC_BOT_FIRST_INDEX": str(task.bot_first),
        "IEXEC_BOT_TASK_INDEX": str(task.index),
        "IEXEC_INPUT_FILES_FOLDER": INPUTS_FOLDER,
        "IEXEC_INPUT_FILES_NUMBER": str(len(inputs.input_files)),
    }
    for number, name in enumerate(inputs.input_files, start=1):
        variables[f"IEXEC_INPUT_FILE_NAME_{number}"] = name
    variables |= {"IEXEC_DATASET_ADDRESS": task.dataset, "IEXEC_DATASET_FILENAME": task.dataset}
    if task.bulk is not None:
        variables["IEXEC_BULK_SLICE_SIZE"] = str(len(task.bulk.datasets))
        for place, address in _slice_addresses(task.bulk).items():
            variables[f"IEXEC_DATASET_{place + 1}_FILENAME"] = address
    variables |= {f"IEXEC_REQUESTER_SECRET_{number}": value for number, value in inputs.requester_secrets.items()}
    if inputs.developer_secret is not None:
        names = ("IEXEC_APP_DEVELOPER_SECRET", "IEXEC_APP_DEVELOPER_SECRET_1")
        variables |= dict.fromkeys(names, inputs.developer_secret)
    return variables


def _slice_addresses(bulk: BulkFact) -> dict[int, Address]:
    """Return the dataset of each place of a slice, from 0, whether the task may use it or not."""
    left_out = {each.place: Address(each.dataset) for each in bulk.left_out}
    usable = enumerate(bulk.datasets)
    return left_out | {place: Address(each.address) for place, each in usable if each is not None}


def merge_requester_secrets(sealed: Mapping[str, str], pushed: Mapping[str, str]) -> dict[str, str]:
    """Return a requester's secrets by number, from its sealed input and from iExec's API.

    Raises AppFailed for a number that both define: the requester may have meant either value.
    """
    if duplicates := sorted(sealed.keys() & pushed.keys(), key=int):
        raise AppFailed(f"iexec_secrets and the sealed input both give secret number {duplicates[0]}; leave one out.")
    return {**sealed, **pushed}


class _ComputedJson(msgspec.Struct, frozen=True, rename="kebab"):
    deterministic_output_path: str | None = None
    callback_data: str | None = None


def read_computed(files: Mapping[str, bytes], *, needs_callback: bool = False) -> ComputedResult:
    """Read the computed.json among an app's output files; ``needs_callback`` says whether the deal has a callback.

    Raises AppFailed when it is missing, is invalid, names a path that the app did not write, or holds no callback data
    for a deal with a callback. This is provably the app's fault, since the files were read after the app ended.
    """
    if COMPUTED not in files:
        raise AppFailed(f"the app wrote no {COMPUTED}.")
    try:
        document = msgspec.json.decode(files[COMPUTED], type=_ComputedJson)
    except DECODE_ERRORS as error:
        raise AppFailed(f"the app's {COMPUTED} is not a JSON object with text fields.") from error
    output_path = document.deterministic_output_path or ""
    path = output_path.removeprefix(OUTPUT_FOLDER + "/").strip("/")
    if output_path.startswith("/") and path == output_path.strip("/"):
        raise AppFailed(f"the app's {COMPUTED} names an output outside {OUTPUT_FOLDER}.")
    if path and path not in files and not any(name.startswith(path + "/") for name in files):
        raise AppFailed(f"the app's {COMPUTED} names an output that it did not write.")
    data: bytes | None = None
    if document.callback_data is not None:
        digits = document.callback_data.removeprefix("0x")
        try:
            data = to_bytes("0x" + digits, len(digits) // 2)
        except ValueError as error:
            raise AppFailed(f"the callback-data of the app's {COMPUTED} are not hex text.") from error
    if needs_callback and not data:  # empty data report a failed app
        raise AppFailed(f"the deal has a callback and the app's {COMPUTED} has no callback-data.")
    if needs_callback and data and len(data) > MAX_CALLBACK_BYTES:
        raise AppFailed(f"the app's callback-data are more than {MAX_CALLBACK_BYTES} bytes.")
    if not path and data is None:
        raise AppFailed(f"the app's {COMPUTED} names neither deterministic-output-path nor callback-data.")
    return ComputedResult(path=path, callback=data)


def output_digest(files: Mapping[str, bytes], computed: ComputedResult) -> bytes:
    """Return iExec's digest of a result: of callback data, of a file (SHA-256), or of a folder's own files (Keccak).

    It is a hash of plaintext, so it may be stored inside the sealed result only.
    """
    if computed.callback is not None:
        return keccak256(computed.callback)
    if computed.path in files:
        return sha256(files[computed.path])
    prefix = computed.path + "/"
    direct = sorted(name for name in files if name.startswith(prefix) and "/" not in name[len(prefix) :])
    return keccak256(*(sha256(files[name]) for name in direct))
