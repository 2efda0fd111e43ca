"""Converts trained weights to the integers with which the app estimates."""

from sealgrid.ados.model.gdn import GraphDeviationNetwork
from sealgrid.shipped_apps.ados.quality.fixed_point import to_fixed
from sealgrid.shipped_apps.ados.quality.network import GraphNetwork


def to_integers(network: GraphDeviationNetwork) -> GraphNetwork:
    """Return the network's weights with 16 fractional bits."""
    arrays = {name: to_fixed(weights.detach().numpy()) for name, weights in network.named_parameters()}
    return GraphNetwork(neighbours=network.neighbours.numpy(), **arrays)
