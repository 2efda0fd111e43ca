"""The graph deviation network as it is run: weights with 16 fractional bits, integer arithmetic in NumPy.

The exported ONNX graph is the reference; ``docs/explanation/dqf.md`` has the tolerance.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from .errors import ReadingsRefused
from .fixed_point import BITS, ONE, rescale, softmax
from .readings import Booleans, Integers

WINDOW = 5  #: rows of a sensor that an estimate uses
CLIP = 8  #: bound of a normalised reading at the network's input
SLOPE_FIXED = 13_107
SLOPE = SLOPE_FIXED / ONE  #: of the attention's leaky rectifier below 0, about 0.2
MAX_WEIGHT = 16 * ONE  #: with it, no sum of a row of products exceeds 64 bits
MAX_SIZE = 16  #: of embedding and hidden layer
MAX_NEIGHBOURS = 16  #: of a sensor
CHUNK = 10_000  #: readings that are computed at once, or one row; the result does not depend on it


def chunks(rows: int, sensors: int) -> Iterator[tuple[int, int]]:
    """Yield the first and the end of ranges of rows with about ``CHUNK`` readings each, which bounds memory."""
    step = max(CHUNK // max(sensors, 1), 1)
    for start in range(0, rows, step):
        yield start, min(start + step, rows)


@dataclass(frozen=True)
class GraphNetwork:
    """Weights of N sensors with k neighbours, embeddings of size d, h hidden units; w is ``WINDOW``."""

    neighbours: Integers  #: [N, k]
    embedding: Integers  #: [N, d]
    own_weight: Integers  #: [w, d]
    neighbour_weight: Integers  #: [w, d]
    own_level: Integers  #: [w]
    neighbour_level: Integers  #: [w]
    own_attention: Integers  #: [d]
    neighbour_attention: Integers  #: [d]
    edge_bias: Integers  #: [N, 1 + k], the sensor itself first
    hidden_weight: Integers  #: [d, h]
    hidden_bias: Integers  #: [h]
    output_weight: Integers  #: [h]

    def __post_init__(self) -> None:
        """Raise ReadingsRefused for weights whose shapes do not fit each other, or beyond their bounds."""
        if self.neighbours.ndim != 2 or self.embedding.ndim != 2 or self.hidden_weight.ndim != 2:
            raise ReadingsRefused("the model's weights have the wrong number of dimensions.")
        sensors, edges = self.neighbours.shape
        size, hidden = self.hidden_weight.shape
        if edges > MAX_NEIGHBOURS:
            raise ReadingsRefused(f"the model has {edges} neighbours for each sensor; {MAX_NEIGHBOURS} is the most.")
        expected = {
            "neighbours": (sensors, edges),
            "embedding": (sensors, size),
            "own_weight": (WINDOW, size),
            "neighbour_weight": (WINDOW, size),
            "own_level": (WINDOW,),
            "neighbour_level": (WINDOW,),
            "own_attention": (size,),
            "neighbour_attention": (size,),
            "edge_bias": (sensors, 1 + edges),
            "hidden_weight": (size, hidden),
            "hidden_bias": (hidden,),
            "output_weight": (hidden,),
        }
        for each in fields(self):
            weights: Integers = getattr(self, each.name)
            if weights.shape != expected[each.name]:
                raise ReadingsRefused(
                    f"the model's {each.name} has the shape {list(weights.shape)}, not {list(expected[each.name])}."
                )
            if each.name != "neighbours" and weights.size and int(np.abs(weights).max()) > MAX_WEIGHT:
                raise ReadingsRefused(f"the model's {each.name} has a weight above {MAX_WEIGHT // ONE}.")
        if max(size, hidden) > MAX_SIZE:
            raise ReadingsRefused(f"the model's layers have more than {MAX_SIZE} units.")
        if edges and (int(self.neighbours.min()) < 0 or int(self.neighbours.max()) >= sensors):
            raise ReadingsRefused("the model's graph names a sensor that it does not have.")

    @property
    def sensors(self) -> int:
        """Return the number of sensors."""
        return len(self.embedding)

    def estimate(self, normalised: Integers, usable: Booleans, sensors: Integers) -> Integers:
        """Return estimates [R - w, S] of the readings of ``sensors`` (S numbers) from row w on.

        ``normalised`` [R, N] has all sensors; ``usable`` [R - w, S, 1 + k] says what each estimate may use. Where
        nothing is usable the estimate is 0.
        """
        columns = np.union1d(sensors, self.neighbours[sensors])
        bounded = np.clip(normalised[:, columns], -CLIP << BITS, CLIP << BITS)
        edges = np.searchsorted(columns, self.neighbours[sensors])
        places = np.searchsorted(columns, sensors)
        rows = len(normalised) - WINDOW
        estimates = np.zeros((max(rows, 0), len(sensors)), dtype=np.int64)
        for start, stop in chunks(rows, len(sensors)):
            windows = np.lib.stride_tricks.sliding_window_view(bounded[start : stop + WINDOW], WINDOW + 1, axis=0)
            estimates[start:stop] = self._estimate(windows, usable[start:stop], sensors, places, edges)
        return estimates

    def _estimate(
        self, windows: Integers, usable: Booleans, sensors: Integers, places: Integers, edges: Integers
    ) -> Integers:
        """Return estimates from windows [B, C, w + 1] of C columns, which ``places`` [S] and ``edges`` [S, k] name."""
        own, newest = windows[:, places, :WINDOW], windows[:, :, 1:]
        own_features, features = rescale(own @ self.own_weight), rescale(newest @ self.neighbour_weight)
        own_score = rescale(own_features @ self.own_attention)
        score = rescale(features @ self.neighbour_attention)
        scores = np.concatenate([own_score[:, :, None], score[:, edges]], axis=2) + self.edge_bias[sensors]
        scores = np.where(scores > 0, scores, rescale(scores * SLOPE_FIXED))
        weights = softmax(scores, usable)
        own_level, level = rescale(own @ self.own_level), rescale(newest @ self.neighbour_level)
        mean = weights[:, :, 0] * own_level
        mixed = weights[:, :, :1] * own_features
        for edge in range(edges.shape[1]):
            weight = weights[:, :, edge + 1]
            mean += weight * level[:, edges[:, edge]]
            mixed += weight[:, :, None] * features[:, edges[:, edge]]
        scaled = rescale(np.maximum(rescale(mixed), 0) * self.embedding[sensors])
        hidden = np.maximum(rescale(scaled @ self.hidden_weight) + self.hidden_bias, 0)
        estimates: Integers = rescale(mean) + rescale(hidden @ self.output_weight)
        return estimates
