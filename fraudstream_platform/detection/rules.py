"""Rule sets: every number that decides whether a transaction is suspicious, under one version.

A rule set is a YAML file of one section a pattern; `rules/default.yaml` is the one in use. A key
that is missing, unknown or senseless is refused by name before the first transaction is read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from fraudstream_platform.detection import parameters
from fraudstream_platform.errors import UserError

RULES_DIR = Path(__file__).resolve().parents[2] / "rules"


@dataclass(frozen=True, config=parameters.STRICT)
class RuleSet:
    """Parameters of patterns and scoring. Amounts in minor units, times as their names say."""

    name: Annotated[str, Field(strict=True, pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    card_testing: parameters.CardTesting
    testing_of_many: parameters.TestingOfMany
    velocity_attack: parameters.VelocityAttack
    impossible_geography: parameters.ImpossibleGeography
    amount_probing: parameters.AmountProbing
    account_takeover: parameters.AccountTakeover
    bust_out: parameters.BustOut
    scoring: parameters.Scoring

    @cached_property
    def version(self) -> str:
        """Name and content: two rule sets that decide alike are called alike."""
        text = json.dumps(asdict(self), sort_keys=True)
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    @property
    def review_score(self) -> int:
        """Score from which a person looks at it."""
        return self.scoring.review_score

    @property
    def block_score(self) -> int:
        """Score from which the card's next transaction is blocked."""
        return self.scoring.block_score


def read_rules(path: Path) -> RuleSet:
    """Read and validate a rule set; raises `UserError` that names the key at fault."""
    try:
        text = path.read_text(encoding="utf-8")
        _refuse_doubled(yaml.compose(text, yaml.SafeLoader))
        return TypeAdapter(RuleSet).validate_python(yaml.safe_load(text))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; rule sets stand in {RULES_DIR}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is no UTF-8 text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{path}{where}: {getattr(error, 'problem', None) or 'no YAML'}") from None
    except ValidationError as error:
        raise UserError(f"{path}: {_told(error)}") from None


def rules_from(raw: Mapping[str, Any]) -> RuleSet:
    """A rule set from what `asdict` gave, also by way of JSON."""
    return TypeAdapter(RuleSet).validate_python(raw)


def _refuse_doubled(node: yaml.Node | None) -> None:
    """YAML lets the last of two equal keys win, without a word."""
    if not isinstance(node, yaml.MappingNode):
        return
    seen = set[str]()
    for key, value in node.value:
        if key.value in seen:
            raise yaml.MarkedYAMLError(
                problem=f"{key.value} is there twice", problem_mark=key.start_mark
            )
        seen.add(str(key.value))
        _refuse_doubled(value)


def _told(error: ValidationError) -> str:
    """Every mistake with the path of its key."""
    return "; ".join(_one(item) for item in error.errors(include_url=False))


def _one(item: Any) -> str:
    path = ".".join(str(part) for part in item["loc"]) or "the file"
    if item["type"] == "missing":
        return f"{path}: is missing"
    if item["type"] == "unexpected_keyword_argument":
        return f"{path}: is no parameter, take it out"
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{path}: {message[0].lower()}{message[1:]}, found {item['input']!r}"


RULES = read_rules(RULES_DIR / "default.yaml")
"""The rule set in use."""
