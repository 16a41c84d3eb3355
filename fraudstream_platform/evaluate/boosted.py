"""Gradient boosting as the baselines and the leak test use it: fitted here, tried there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.bool_]


def scores_of_others(
    inputs: NDArray[np.floating],
    is_bad: Rows,
    weight: NDArray[np.float64],
    train: Rows,
    tried: Rows,
    trees: int,
) -> NDArray[np.float64]:
    """Scores of the rows `tried` by a model of the rows `train`; NaN inputs are a value of their own.

    Frauds are few: leaves of less than 20 rows and no penalty let the loss run away, and half of
    the rows then tie at 1.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    model = HistGradientBoostingClassifier(
        max_iter=trees, learning_rate=0.05, max_leaf_nodes=15, min_samples_leaf=40,
        l2_regularization=5.0, early_stopping=False, random_state=1,
    )  # fmt: skip
    # One thread: on a busy machine its many small parallel loops wait for each other for minutes.
    told = inputs[:, _varies(inputs[train])]
    with threadpool_limits(1):
        model.fit(told[train], is_bad[train], sample_weight=weight[train])
        scores: NDArray[np.float64] = model.decision_function(told[tried])
    return scores


def _varies(inputs: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Columns with two values or more: the binning of the others fails."""
    low = np.where(np.isnan(inputs), np.inf, inputs).min(axis=0)
    high = np.where(np.isnan(inputs), -np.inf, inputs).max(axis=0)
    varies: NDArray[np.bool_] = low < high
    return varies
