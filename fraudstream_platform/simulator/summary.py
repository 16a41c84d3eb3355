"""What a run of the simulator says of itself."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np


@dataclass
class Summary:
    """What a run did; times in ms."""

    produced: int = 0
    attacks: int = 0
    attacks_by_pattern: dict[str, int] = field(default_factory=dict)
    fraudulent: int = 0
    bad_records: dict[str, int] = field(default_factory=dict)
    sealed: int = 0
    labels: int = 0
    delivery_errors: int = 0
    started_ms: int = 0
    finished_ms: int = 0
    slip_p99_ms: float = 0.0
    slip_max_ms: float = 0.0
    cpu_us_per_record: float = 0.0
    records_per_s: float = 0.0

    def close(self, cpu_s: float, slips_ms: Sequence[float]) -> None:
        """Sum up when all is sent: the process's CPU seconds, and how late each batch went."""
        self.finished_ms = int(time.time() * 1000)
        self.cpu_us_per_record = round(1e6 * cpu_s / max(1, self.produced), 1)
        if slips_ms:
            self.slip_p99_ms = round(float(np.percentile(slips_ms, 99)), 2)
            self.slip_max_ms = round(max(slips_ms), 2)

    def write(self, path: Path) -> None:
        """Write the summary as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")
