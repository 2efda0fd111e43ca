"""What a list says about an app or a model: its first lines, what it takes and gives, an example, and its tags.

The texts are of strangers: each is bounded here and escaped by the templates.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sealgrid.bundle.input_words import describe_files, model_words
from sealgrid.bundle.model_signature import ModelSignature, TensorSpec
from sealgrid.bundle.tensor_check import example_tensors
from sealgrid.sdk.model_cards import ModelCard
from sealgrid.web.html.excerpts import excerpt, split_front_matter
from sealgrid.web.run_form import example_name, spec_of
from sealgrid.web.storage_cache import AppDetails

MAX_TITLE: Final = 120  #: characters
MAX_LINES: Final = 280  #: characters of a description
MAX_TENSORS: Final = 3  #: inputs or outputs that are named
MAX_CLASSES: Final = 4
MAX_LINE: Final = 160  #: characters of what it takes, gives, and of the example
MAX_SEARCHED: Final = 2000  #: characters of the text that a search covers
ONNX: Final = "onnx"


@dataclass(frozen=True, slots=True)
class AssetSummary:
    """The public description of one app or model, for a list."""

    title: str = ""
    text: str = ""  #: its first lines
    takes: str = ""
    gives: str = ""
    example: str = ""
    tags: tuple[str, ...] = ()
    format: str = ""  #: of a model, or of the models that an app takes: "onnx", "csv"; empty for any
    searched: str = ""  #: all words that a search covers, case-folded


def summary_of_app(details: AppDetails) -> AssetSummary:
    """Return the summary of an app from its manifest and readme."""
    manifest, spec = details.manifest, spec_of(details)
    tags, readme = split_front_matter(details.readme)
    takes = []
    if spec is not None:
        takes += [] if spec.model == "none" else [model_words(spec)]
        takes += [describe_files(spec.files)] if spec.files else []
    text = manifest.description or excerpt(readme, MAX_LINES)
    return AssetSummary(
        title=_bounded(manifest.title or manifest.name, MAX_TITLE),
        text=_bounded(text, MAX_LINES),
        takes=_bounded("; ".join(takes), MAX_LINE),
        example=_bounded(example_name(details), MAX_LINE),
        tags=tags,
        format=spec.model_format if spec else "",
        searched=_searched(manifest.name, manifest.title, manifest.description, *tags, excerpt(readme, MAX_SEARCHED)),
    )


def summary_of_model(card: ModelCard) -> AssetSummary:
    """Return the summary of a model or data from its card and its public signature."""
    tags, text = split_front_matter(card.text)
    signature = card.signature
    return AssetSummary(
        text=excerpt(text, MAX_LINES),
        takes=_tensors(signature.inputs) if signature else "",
        gives=_tensors(signature.outputs) if signature else "",
        example=_example(signature) if signature else "",
        tags=tags,
        format=ONNX if signature else "",
        searched=_searched(*tags, excerpt(text, MAX_SEARCHED), *_names(signature)),
    )


def _tensors(specs: Sequence[TensorSpec]) -> str:
    words = "; ".join(_tensor(spec) for spec in specs[:MAX_TENSORS])
    rest = len(specs) - MAX_TENSORS
    return _bounded(words, MAX_LINE) + (f"; {rest} more" if rest > 0 else "")


def _tensor(spec: TensorSpec) -> str:
    if not spec.classes:
        return f"{spec.name}: {spec.dtype} {spec.shape_text}"
    shown, count = ", ".join(map(str, spec.classes[:MAX_CLASSES])), len(spec.classes)
    return f"{spec.name}: {shown}" + (f" … ({count} classes)" if count > MAX_CLASSES else "")


def _example(signature: ModelSignature) -> str:
    content = example_tensors(signature)
    return _bounded(json.dumps(json.loads(content), ensure_ascii=False), MAX_LINE) if content else ""


def _names(signature: ModelSignature | None) -> list[str]:
    specs = (*signature.inputs, *signature.outputs) if signature else ()
    return [*(spec.name for spec in specs), *(str(label) for spec in specs for label in spec.classes)]


def _searched(*texts: str) -> str:
    return " ".join(texts)[:MAX_SEARCHED].casefold()


def _bounded(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
