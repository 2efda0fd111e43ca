"""Trains the graph deviation network on clean readings; a seed and one thread always give the same weights."""

from collections.abc import Callable

import numpy as np
import torch

from sealgrid.ados.model.gdn import MAX_NEIGHBOURS, GraphDeviationNetwork, initial_embedding, nearest
from sealgrid.shipped_apps.ados.quality.calibration import Calibration
from sealgrid.shipped_apps.ados.quality.fixed_point import ONE
from sealgrid.shipped_apps.ados.quality.network import MAX_SIZE, WINDOW
from sealgrid.shipped_apps.ados.quality.readings import Booleans, Readings

EPOCHS = 12
BATCH = 128
LEARNING_RATE = 0.01
LEFT_OUT = 0.15  #: share of neighbours that a training step leaves out, so estimates stand without some

Report = Callable[[int, float], None]  #: of an epoch and its mean squared error


def fit(
    training: Readings, normal: Calibration, seed: int, epochs: int = EPOCHS, report: Report | None = None
) -> GraphDeviationNetwork:
    """Return a network that was trained on complete windows of the readings."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    normalised = np.where(training.present, normal.normalise(training.values) / ONE, 0.0)
    embedding = initial_embedding(normalised, MAX_SIZE)
    network = GraphDeviationNetwork(embedding, nearest(embedding, min(MAX_NEIGHBOURS, len(training.sensors) - 1)))
    windows, complete = _windows(normalised, training.present)
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    steps = epochs * -(-len(windows) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
    for epoch in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(windows)).split(BATCH):
            batch, known = windows[chosen], complete[chosen]
            usable = _draw_usable(known, network.neighbours)
            errors = (network(batch, usable) - batch[:, :, -1]) ** 2
            loss = (errors * known).sum() / known.sum().clamp(min=1)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * len(batch)
        if report is not None:
            report(epoch + 1, total / len(windows))
    return network


def _windows(normalised: np.ndarray, present: Booleans) -> tuple[torch.Tensor, torch.Tensor]:
    """Return windows [B, N, w + 1] and whether each is complete [B, N]."""
    view = np.lib.stride_tricks.sliding_window_view
    windows = view(normalised.astype(np.float32), WINDOW + 1, axis=0)
    complete = view(present, WINDOW + 1, axis=0).all(axis=2)
    return torch.from_numpy(windows.copy()), torch.from_numpy(complete.astype(np.float32))


def _draw_usable(complete: torch.Tensor, neighbours: torch.Tensor) -> torch.Tensor:
    """Return what each estimate of a step may use [B, N, 1 + k]: half of them without the sensor's own past."""
    batch, sensors = complete.shape
    others = (torch.rand(batch, sensors, neighbours.shape[1]) > LEFT_OUT).float() * complete[:, neighbours]
    own = (torch.rand(batch, sensors, 1) < 0.5).float()
    own = torch.where(others.sum(dim=2, keepdim=True) == 0, torch.ones_like(own), own)
    return torch.cat([own, others], dim=2)
