"""The plot of a load: every alert's latency over time, hand-overs marked, and how they spread."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from fraudstream_platform.bench.figures import Measured


def draw(measured: Measured, path: Path) -> Path:
    """Write the plot to `path` (its suffix says the format)."""
    with mpl.rc_context({"axes.grid": True, "grid.alpha": 0.3, "figure.dpi": 120}):
        figure = Figure((11, 4.2), layout="constrained")
        FigureCanvasAgg(figure)  # no pyplot: it keeps figures for ever and looks for a display
        over, spread = figure.subplots(1, 2, width_ratios=(2, 1))
        pairs = measured.pairs()
        start = measured.span[0]
        latencies = np.array([ms for _, ms in pairs])
        over.scatter([at - start for at, _ in pairs], latencies, s=5, color="#1f5fa8")
        for first, last in measured.handovers:
            over.axvspan(first - start, last - start, color="#b3541e", alpha=0.2)
        over.set(
            xlabel="intended sending, s", ylabel="alert latency, ms", ylim=(0, None),
            title=f"{measured.engine}, {measured.tps:,.0f} records/s; hand-overs shaded",
        )  # fmt: skip
        if latencies.size:
            share = np.arange(1, latencies.size + 1) / latencies.size
            spread.step(np.sort(latencies), share, where="post", color="#1f5fa8")
            spread.set_xscale("log")
        spread.set(xlabel="alert latency, ms", ylabel="share of alerts", ylim=(0, 1.01))
        figure.savefig(path)
    return path
