"""The report's plots, as PNG files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fraudstream_platform.evaluate.metrics.scores import Curve

_COLOURS = {"blatant": "#b3261e", "normal": "#1f5fa8", "stealthy": "#7a7a7a"}
_BAR = 0.27
_MOST_POINTS = 2_000


def draw(report: Mapping[str, Any], curves: Mapping[str, Curve], folder: Path) -> list[Path]:
    """Draw all three; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"axes.grid": True, "grid.alpha": 0.3, "figure.dpi": 120}):
        return [
            _recall(report["recall"], folder / "recall.png"),
            _curves(curves, folder / "precision_recall.png"),
            _delays(report["recall"], folder / "delays.png"),
        ]


def _axes(width: float, height: float) -> tuple[Figure, Axes]:
    # No pyplot: it keeps figures for ever and looks for a display.
    figure = Figure((width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _saved(figure: Figure, path: Path) -> Path:
    figure.savefig(path)
    return path


def _recall(lines: Sequence[Mapping[str, Any]], path: Path) -> Path:
    figure, axes = _axes(10, 4.5)
    patterns = sorted({line["pattern"] for line in lines})
    for place, (strength, colour) in enumerate(_COLOURS.items()):
        own = [line for line in lines if line["strength"] == strength]
        x = [patterns.index(line["pattern"]) + (place - 1) * _BAR for line in own]
        shares = np.array([line["in_time"]["share"] for line in own])
        low = shares - [line["in_time"]["low"] for line in own]
        high = np.array([line["in_time"]["high"] for line in own]) - shares
        axes.bar(x, shares, _BAR, color=colour, label=strength, yerr=[low, high], capsize=2)
    axes.set_xticks(range(len(patterns)), [name.replace("_", "\n") for name in patterns])
    axes.set_ylim(0, 1.05)
    axes.set_ylabel("attacks caught by their deadline")
    axes.legend()
    return _saved(figure, path)


def _curves(curves: Mapping[str, Curve], path: Path) -> Path:
    figure, axes = _axes(6, 5)
    for name, curve in curves.items():
        step = max(1, curve.recall.shape[0] // _MOST_POINTS)
        axes.step(curve.recall[::step], curve.precision[::step], where="post", label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall of transactions", ylabel="precision")
    axes.legend()
    return _saved(figure, path)


def _delays(lines: Sequence[Mapping[str, Any]], path: Path) -> Path:
    figure, axes = _axes(8, 4.5)
    bins = np.logspace(-1, 6.5, 40).tolist()
    for strength, colour in _COLOURS.items():
        seconds = [
            max(bins[0], delay)
            for line in lines
            if line["strength"] == strength
            for delay in line["delays"]["seconds"]
        ]
        axes.hist(seconds, bins=bins, histtype="step", color=colour, label=strength)
    axes.set_xscale("log")
    axes.set(xlabel="seconds from first fraudulent transaction to first alert", ylabel="attacks")
    axes.legend()
    return _saved(figure, path)
