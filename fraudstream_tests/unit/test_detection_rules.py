"""Rule sets: what is read is what was written, and nonsense is refused by name."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from fraudstream_platform.detection.patterns import PATTERNS
from fraudstream_platform.detection.rules import RULES, RULES_DIR, read_rules
from fraudstream_platform.errors import UserError

DEFAULT = RULES_DIR / "default.yaml"


def changed(section: str, key: str, value: Any) -> str:
    """The default rule set with one value changed, or taken out where it is None."""
    document = yaml.safe_load(DEFAULT.read_text())
    assert key in document[section] or value is not None
    document[section][key] = value
    if value is None:
        del document[section][key]
    return yaml.safe_dump(document)


def refusal(path: Path, text: str) -> str:
    """What is said about a rule set of this text."""
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_rules(path)
    return str(caught.value)


def test_every_pattern_has_a_section_and_every_section_a_pattern() -> None:
    """A section that nobody reads would be tuned in vain."""
    sections = set(yaml.safe_load(DEFAULT.read_text())) - {"name", "scoring"}
    assert sections == set(PATTERNS)


def test_every_parameter_is_explained_where_it_stands() -> None:
    """Whoever tunes a number reads what it does beside it."""
    parameters = [line for line in DEFAULT.read_text().splitlines() if re.match(r" +\w+: ", line)]
    assert len(parameters) > 15
    assert [line for line in parameters if not re.search(r" # \S", line)] == []


def test_the_version_follows_the_values_and_nothing_else(tmp_path: Path) -> None:
    """Alert ids hold the version: a comment must not change them, a number must."""
    copy = tmp_path / "copy.yaml"
    copy.write_text("# another comment\n" + yaml.safe_dump(yaml.safe_load(DEFAULT.read_text())))
    assert read_rules(copy).version == RULES.version
    copy.write_text(changed("impossible_geography", "km", 100))
    assert read_rules(copy).version == RULES.version
    copy.write_text(changed("impossible_geography", "km", 101))
    assert read_rules(copy).version != RULES.version
    assert replace(RULES, name="other").version != RULES.version
    assert re.fullmatch(r"default-[0-9a-f]{12}", RULES.version)


@pytest.mark.parametrize(
    ("section", "key", "value", "told"),
    [
        ("card_testing", "probes", None, "card_testing.probes: is missing"),
        ("card_testing", "probess", 4, "card_testing.probess: is no parameter, take it out"),
        ("card_testing", "probes", "4", "card_testing.probes: input should be a valid integer"),
        ("card_testing", "probes", True, "card_testing.probes: input should be a valid integer"),
        ("card_testing", "probes", 0, "card_testing.probes: input should be greater than or"),
        ("impossible_geography", "km", float("nan"), "impossible_geography.km: "),
        ("impossible_geography", "kmh", -900.0, "impossible_geography.kmh: "),
        ("amount_probing", "bracket", 1.0, "amount_probing.bracket: input should be less than 1"),
        ("velocity_attack", "cap_10m", 5, "velocity_attack: cap_10m has to be more than"),
        ("scoring", "block_score", 600, "scoring: block_score has to be more than review_score"),
    ],
)
def test_nonsense_is_refused_by_the_path_of_its_key(
    tmp_path: Path, section: str, key: str, value: Any, told: str
) -> None:
    """A typo would leave the old number in force, without a word."""
    path = tmp_path / "rules.yaml"
    assert refusal(path, changed(section, key, value)).startswith(f"{path}: {told}")


def test_a_file_that_is_no_rule_set_is_refused(tmp_path: Path) -> None:
    """Guards: a traceback in front of somebody who mistyped a colon."""
    path = tmp_path / "rules.yaml"
    text = DEFAULT.read_text()
    assert "the file: " in refusal(path, "")
    assert "the file: " in refusal(path, "- 1")
    assert ", line 2: " in refusal(path, "name: x\n\tcard_testing: 1")
    assert "other: is no parameter" in refusal(path, text + "\nother: 1\n")
    assert "name: " in refusal(path, text.replace("name: default", "name: De fault"))
    doubled = text.replace("  merchants: 2", "  probes: 9\n  merchants: 2")
    assert "probes is there twice" in refusal(path, doubled)
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(UserError, match="no UTF-8"):
        read_rules(path)
    with pytest.raises(UserError, match="No such file or directory; rule sets stand in"):
        read_rules(tmp_path / "none.yaml")
