"""Exports a trained network with its calibration as one ONNX file."""

import io
import warnings

import onnx
import torch

from sealgrid.ados.model.gdn import GraphDeviationNetwork
from sealgrid.shipped_apps.ados.quality.model import AdosModel
from sealgrid.shipped_apps.ados.quality.model_file import METADATA, metadata_of
from sealgrid.shipped_apps.ados.quality.network import WINDOW

OPSET = 17


def to_onnx(network: GraphDeviationNetwork, model: AdosModel) -> bytes:
    """Return the file; equal networks and calibrations give equal bytes."""
    sensors, edges = network.edge_bias.shape
    example = (torch.zeros(2, sensors, WINDOW + 1), torch.ones(2, sensors, edges))
    graph = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the newer exporter renames weights
        torch.onnx.export(
            network.eval(),
            example,
            graph,
            dynamo=False,
            opset_version=OPSET,
            input_names=["windows", "usable"],
            output_names=["estimates"],
            dynamic_axes={"windows": {0: "rows"}, "usable": {0: "rows"}, "estimates": {0: "rows"}},
            do_constant_folding=False,
        )
    file = onnx.load_from_string(graph.getvalue())
    for node in file.graph.node:
        node.doc_string = ""
    file.producer_name, file.producer_version = "sealgrid ados", ""
    entry = file.metadata_props.add()
    entry.key, entry.value = METADATA, metadata_of(model)
    onnx.checker.check_model(file)
    return bytes(file.SerializeToString(deterministic=True))
