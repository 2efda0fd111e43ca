"""Writes trained networks as ONNX, and with the forms of the plates as the model file that an owner publishes."""

import hashlib
import io
import json
import warnings

import onnx
import torch
from torch import nn

from sealgrid.shipped_apps.plate_reader.latin import CHARACTERS, CLASSES, COUNTRIES, FORMS
from sealgrid.shipped_apps.plate_reader.model import stored_zip
from sealgrid.shipped_apps.plate_reader.reader.flat_plate import HEIGHT, WIDTH
from sealgrid.shipped_apps.plate_reader.reader.model_file import CARD, DETECTOR, FORMS_SCHEMA, LABELS, RECOGNISER
from sealgrid.shipped_apps.plate_reader.training.fit import FINDER, SIZE, TEXT
from sealgrid.shipped_apps.plate_reader.training.networks import FinderNetwork, TextNetwork

OPSET = 17


def latin_model(finder: FinderNetwork, text: TextNetwork) -> bytes:
    """Return the model file; equal weights give equal bytes."""
    sides = {2: "rows", 3: "columns"}
    parts = {
        DETECTOR: _to_onnx(
            finder,
            torch.zeros(1, 3, SIZE[1], SIZE[0]),
            ("pictures", "scores", "corners"),
            dict.fromkeys(("pictures", "scores", "corners"), sides),
        ),
        RECOGNISER: _to_onnx(text, torch.zeros(1, 1, HEIGHT, WIDTH), ("plates", "logits"), {}),
        LABELS: "\n".join(CHARACTERS).encode() + b"\n",
    }
    card = {
        "schema": FORMS_SCHEMA,
        "title": "European licence plates with Latin letters",
        "countries": list(COUNTRIES),
        "licence": "Apache-2.0",
        "forms": list(FORMS),
        "classes": dict(CLASSES),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()},
    }
    return stored_zip({CARD: (json.dumps(card, indent=2, sort_keys=True) + "\n").encode(), **parts})


def card_of(model: bytes, weights: int, share_read: float) -> str:
    """Return the owner's description of a model file; ``share_read`` was measured on pictures drawn to validate."""
    version = torch.__version__.split("+")[0]
    return f"""# A model that reads European licence plates

Two ONNX networks and the forms of the plates of seven countries: one network finds plates in a picture, one reads them.
They were trained here on drawn pictures, so this copy is no secret: it is here to try a sale.

- **Takes**, through the app plate-reader 1.2.0: one picture of a street.
- **Gives** the text of each plate without spaces and hyphens, its box, a confidence, and the picture with every plate
  framed.
- **Knows** private cars of Spain, France, Germany (without umlauts), Italy, Portugal, the United Kingdom and the
  Netherlands: Latin letters in one line. A text of no form of these countries is returned as it was seen, with the
  confidence low.
- **Trained** on {FINDER.pictures} collages (the finder) and {TEXT.pictures} close-ups (the reader), PyTorch {version},
  fixed seeds; {weights} weights.
- **Validated** on other drawn close-ups, five in six of them disturbed: {share_read:.1%} read exactly without the help
  of the forms. `make evaluate` measures it on street scenes of another drawing style. It has seen no photograph; its
  accuracy on photographs is unknown.
- **Licence** Apache-2.0. **File**: {len(model)} bytes, SHA-256 {hashlib.sha256(model).hexdigest()}
"""


def _to_onnx(
    network: nn.Module, example: torch.Tensor, names: tuple[str, ...], axes: dict[str, dict[int, str]]
) -> bytes:
    graph = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the newer exporter renames weights
        torch.onnx.export(
            network.to(memory_format=torch.contiguous_format).eval(),
            (example,),
            graph,
            dynamo=False,
            opset_version=OPSET,
            input_names=[names[0]],
            output_names=list(names[1:]),
            dynamic_axes=axes,
        )
    file = onnx.load_from_string(graph.getvalue())
    for node in file.graph.node:
        node.doc_string = ""
    file.producer_name, file.producer_version = "sealgrid plates", ""
    onnx.checker.check_model(file)
    content: bytes = file.SerializeToString(deterministic=True)
    return content
