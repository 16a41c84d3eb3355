"""The log of a trial: a line a round, a line a proven stack, and a summary beside it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fraudstream_tests.faults.rounds import Round


class Log:
    """Appends to a file of JSON lines."""

    def __init__(self, path: Path, trial: str) -> None:
        """`trial` names what is tried: lines of another one are passed over."""
        self._path = path
        self._trial = trial

    def note(self, one: Round) -> None:
        """A round has ended."""
        self._append({"round": asdict(one)})

    def prove(self, compared: dict[str, int], took_s: float) -> None:
        """The rounds since the last proof stand proven."""
        self._append({"proof": compared, "took_s": round(took_s, 1)})

    def proven(self) -> list[Round]:
        """Rounds that a proof followed."""
        proven: list[Round] = []
        open_rounds: list[Round] = []
        for line in self._lines():
            if "round" in line:
                open_rounds.append(Round(**line["round"]))
            elif "proof" in line:
                proven += open_rounds
            if "begun" in line or "proof" in line:
                open_rounds = []
        self._append({"begun": True})
        return proven

    def sum_up(self, done: Sequence[Round]) -> None:
        """Write `<log>.summary.json`: counts by fault, rows compared, seconds."""
        proofs = [line for line in self._lines() if "proof" in line]
        compared: Counter[str] = Counter()
        for line in proofs:
            compared.update(line["proof"])
        summary = {
            "trial": self._trial,
            "rounds": len(done),
            "rounds_by_fault": dict(Counter(one.kind for one in done)),
            "rows_compared": dict(compared),
            "seconds": round(sum(line["took_s"] for line in proofs)),
        }
        self._path.with_suffix(".summary.json").write_text(json.dumps(summary, indent=1) + "\n")

    def _lines(self) -> list[dict[str, Any]]:
        if not self._path.exists():
            return []
        lines = [json.loads(line) for line in self._path.read_text().splitlines()]
        return [line for line in lines if line["trial"] == self._trial]

    def _append(self, line: dict[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps({"trial": self._trial, **line}) + "\n")
