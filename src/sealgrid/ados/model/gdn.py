"""Graph deviation network (Deng & Hooi, AAAI 2021) in plain PyTorch, with a frozen graph.

Each sensor has an embedding; its graph neighbours are the k sensors with the most similar ones (cosine). A reading is
estimated from the sensor's own w readings before it and from the neighbours' w newest ones, by attention. It differs
from the paper: embeddings begin as principal components of the training data, so the graph is frozen before training;
neighbours' readings of the same slot are used; each edge has a bias of its own; the estimate is the attention-weighted
mean of the newest readings and a learned correction. A mask leaves out the sensor itself or neighbours, so one network
estimates with and without the sensor's own past.
"""

import numpy as np
import torch
from torch import Tensor, nn

from sealgrid.shipped_apps.ados.quality.network import CLIP, SLOPE, WINDOW

HIDDEN = 16
MAX_NEIGHBOURS = 8
MASKED = -60.0  #: the attention score of what is left out; its weight is 0 in single precision


class GraphDeviationNetwork(nn.Module):
    """Estimates each sensor's newest reading; parameters are named as in the exported file."""

    def __init__(self, embedding: np.ndarray, neighbours: np.ndarray) -> None:
        super().__init__()
        sensors, size = embedding.shape
        edges = neighbours.shape[1] + 1
        self.register_buffer("neighbours", torch.from_numpy(neighbours.astype(np.int64)))
        self.embedding = nn.Parameter(torch.from_numpy(embedding.astype(np.float32)))
        self.own_weight = nn.Parameter(0.1 * torch.randn(WINDOW, size))
        self.neighbour_weight = nn.Parameter(0.1 * torch.randn(WINDOW, size))
        self.own_level = nn.Parameter(torch.eye(WINDOW)[-1].clone())
        self.neighbour_level = nn.Parameter(torch.eye(WINDOW)[-1].clone())
        self.own_attention = nn.Parameter(0.1 * torch.randn(size))
        self.neighbour_attention = nn.Parameter(0.1 * torch.randn(size))
        self.edge_bias = nn.Parameter(torch.zeros(sensors, edges))
        self.hidden_weight = nn.Parameter(torch.randn(size, HIDDEN) / size**0.5)
        self.hidden_bias = nn.Parameter(torch.zeros(HIDDEN))
        self.output_weight = nn.Parameter(torch.zeros(HIDDEN))

    def forward(self, windows: Tensor, usable: Tensor) -> Tensor:
        """Return estimates [B, N] of the last column of windows [B, N, w + 1].

        ``usable`` [B, N, 1 + k] is 1 for what an estimate may use, the sensor's own past first, and 0 for the rest; at
        least one is 1.
        """
        bounded = torch.clamp(windows, -CLIP, CLIP)
        own = bounded[:, :, :WINDOW]
        newest = bounded[:, :, 1:]
        own_features = torch.matmul(own, self.own_weight)  # [B, N, d]
        features = torch.matmul(newest, self.neighbour_weight)
        own_score = torch.matmul(own_features, self.own_attention)
        score = torch.matmul(features, self.neighbour_attention)
        scores = torch.cat([own_score.unsqueeze(2), score[:, self.neighbours]], dim=2) + self.edge_bias
        scores = torch.where(scores > 0, scores, scores * SLOPE)
        weights = torch.softmax(scores + (1 - usable) * MASKED, dim=2)
        own_level, level = torch.matmul(own, self.own_level), torch.matmul(newest, self.neighbour_level)
        mean = (weights * torch.cat([own_level.unsqueeze(2), level[:, self.neighbours]], dim=2)).sum(dim=2)
        mixed = weights[:, :, :1] * own_features + (weights[:, :, 1:, None] * features[:, self.neighbours]).sum(dim=2)
        hidden = torch.relu(torch.matmul(torch.relu(mixed) * self.embedding, self.hidden_weight) + self.hidden_bias)
        return mean + torch.matmul(hidden, self.output_weight)


def initial_embedding(normalised: np.ndarray, size: int) -> np.ndarray:
    """Return the loadings of the first principal components of readings [R, N], so similar sensors are near."""
    centred = normalised - normalised.mean(axis=0)
    covariance = centred.T @ centred / len(centred)
    values, vectors = np.linalg.eigh(covariance)
    order = np.argsort(values)[::-1][:size]
    loadings = vectors[:, order] * np.sqrt(np.maximum(values[order], 0))
    loadings *= np.where(loadings.sum(axis=0) < 0, -1, 1)  # eigenvectors have no sign of their own
    embedding = np.zeros((len(covariance), size))
    embedding[:, : loadings.shape[1]] = loadings
    return embedding


def nearest(embedding: np.ndarray, count: int) -> np.ndarray:
    """Return the ``count`` sensors with the most similar embeddings of each, most similar first."""
    norms = np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), 1e-9)
    similarity = (embedding / norms) @ (embedding / norms).T
    np.fill_diagonal(similarity, -np.inf)
    return np.argsort(-similarity, axis=1, kind="stable")[:, :count]
