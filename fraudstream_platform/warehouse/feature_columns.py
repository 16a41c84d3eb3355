"""The catalogue's features as columns of the dbt project, written between two marks in its files.

A feature is declared once, in the catalogue; `python -m fraudstream_platform.warehouse.feature_columns`
writes it into the staging view, the training mart and their contracts. A test fails when that was
forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fraudstream_platform.detection.catalogue import INTEGERS, REALS, Feature
from fraudstream_platform.warehouse.dbt import PROJECT_DIR

BEGIN = "features: written from the catalogue"
END = "end of features"
_WINDOWS = (("d", 86_400), ("h", 3_600), ("min", 60))


def _sql(prefix: str) -> Callable[[Feature], str]:
    return lambda feature: f"    {prefix}{feature.name},\n"


def _described(feature: Feature) -> str:
    return (
        f"      - name: {feature.name}\n"
        f"        description: >-\n          {feature.entity}, {_window(feature.window_s)}"
        f"{feature.unit}. {feature.definition}\n"
    )


def _contracted(feature: Feature) -> str:
    kind = "bigint" if feature.is_integer else "double"
    return _described(feature) + f"        data_type: {kind}\n"


FILES: dict[str, Callable[[Feature], str]] = {
    "models/staging/stg_fraudstream__features.sql": _sql(""),
    "models/staging/stg_fraudstream__features.yml": _described,
    "models/marts/mart_model_features.sql": _sql("features."),
    "models/marts/mart_model_features.yml": _contracted,
}
"""File of the project -> how a feature is written there."""


def written(text: str, feature_text: Callable[[Feature], str]) -> str:
    """The file's text with all features between its marks; ValueError where it has none."""
    lines = text.splitlines(keepends=True)
    (begin,) = [number for number, line in enumerate(lines) if line.strip().endswith(BEGIN)]
    (end,) = [number for number, line in enumerate(lines) if line.strip().endswith(END)]
    features = "".join(feature_text(feature) for feature in (*INTEGERS, *REALS))
    if lines[0].startswith(("{{", "select")):  # SQL takes no comma behind the last column
        features = features.removesuffix(",\n") + "\n"
    return "".join([*lines[: begin + 1], features, *lines[end:]])


def stale_files(project: Path = PROJECT_DIR) -> dict[Path, str]:
    """The files whose features are not the catalogue's, with the text that they should have."""
    texts = {
        project / name: written((project / name).read_text(), how) for name, how in FILES.items()
    }
    return {path: text for path, text in texts.items() if path.read_text() != text}


def _window(seconds: int) -> str:
    for unit, size in _WINDOWS:
        if seconds >= size:
            return f"{seconds // size} {unit}, "
    return ""


if __name__ == "__main__":
    for path, text in stale_files().items():
        path.write_text(text)
