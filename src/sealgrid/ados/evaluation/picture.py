"""The evaluation as a picture: F1 of each method on each test set."""

import io

import matplotlib as mpl
import numpy as np

from sealgrid.ados.evaluation.table import Results, mean

mpl.use("Agg")
from matplotlib import pyplot as plt


def draw_picture(results: Results) -> bytes:
    """Return a PNG with a heat map of mean F1, one row a method and one column a test set."""
    methods = list(dict.fromkeys(method for method, _, _ in results))
    sets = list(dict.fromkeys((name, severity) for _, name, severity in results))
    cells = np.array([[mean(results[method, *each]) for each in sets] for method in methods])
    figure, axes = plt.subplots(figsize=(1.5 + 0.75 * len(sets), 1.5 + 0.42 * len(methods)), layout="constrained")
    axes.imshow(cells, vmin=0, vmax=1, cmap="RdYlGn", aspect="auto")
    axes.set_yticks(range(len(methods)), methods)
    axes.set_xticks(range(len(sets)), [f"{name} {severity or ''}" for name, severity in sets], rotation=35, ha="right")
    for (row, column), value in np.ndenumerate(cells):
        axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8)
    axes.set_title("F1 at the fixed threshold, mean over seeds; severity in standard deviations, of late in intervals")
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)
    return content.getvalue()
