"""What a run of the simulator says of itself."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


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

    def write(self, path: Path) -> None:
        """Write the summary as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")
