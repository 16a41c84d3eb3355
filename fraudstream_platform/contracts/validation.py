"""What a clean transaction is: structure and business rules, said once, in Pandera.

`TRANSACTIONS` is the source. Full Pandera validation costs ~80 ms a call whatever the rows, so
the drain's step does not call it: `rule_expressions` walks the schema and turns each check into
the polars expression that it stands for, and a test proves that both name the same failures for
the same rows. Asset checks over whole hours use `pandera_failures`.

A null passes every rule but `<field>_required`, as Pandera ignores nulls in checks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandera.polars as pa
import polars as pl
from numpy.typing import NDArray
from pandera.api.polars.types import PolarsData

from fraudstream_platform.contracts import codes
from fraudstream_platform.contracts.limits import AMOUNT_LIMITS
from fraudstream_platform.contracts.mccs import KNOWN_MCCS
from fraudstream_platform.contracts.quality import (
    ARRIVED_AT,
    ERROR_FACTOR,
    LATE,
    SOURCE,
    blemishes,
    quality_gaps,
    quality_scores,
    quality_terms,
)
from fraudstream_platform.contracts.schemas import (
    IDENTITY_KINDS,
    ORIGIN_SCHEMA,
    required_fields,
    transaction_schema,
)
from fraudstream_platform.contracts.text_rules import TextRules
from fraudstream_platform.contracts.texts import Texts

OLDEST_EVENT_DAYS = 30
"""An event may be this much older than its append time, unless the caller says otherwise."""
_DAY_MS = 86_400_000
NEWEST_EVENT_MS = 5 * 60_000
"""An event may be this much newer than its append time (clocks differ)."""
AMOUNT_LIMIT_MINOR = 1_000_000_000_000
BILLING_LIMIT_MINOR = 10_000_000_000

TOKEN_PATTERN = "^(cu|ca|em|ph|ad|na|de|ip|in)[0-9]+_[A-Za-z0-9_-]{22}$"  # nosec B105
ID_PATTERN = "^[A-Za-z0-9._:-]{1,64}$"


def _known(field: str, values: tuple[str, ...]) -> pa.Check:
    return pa.Check.isin(list(values), error=f"{field}_known")


def _format(field: str, pattern: str) -> pa.Check:
    return pa.Check.str_matches(pattern, error=f"{field}_format")


def _range(field: str, low: float, high: float) -> pa.Check:
    return pa.Check.in_range(low, high, error=f"{field}_range")


_FIELD_CHECKS: dict[str, pa.Check] = {
    "transaction_id": _format("transaction_id", ID_PATTERN),
    "original_id": _format("original_id", ID_PATTERN),
    "utc_offset_min": _range("utc_offset_min", -720, 840),
    "message_type": _known("message_type", codes.MESSAGE_TYPES),
    "source": _known("source", codes.SOURCES),
    "channel": _known("channel", codes.CHANNELS),
    "transaction_type": _known("transaction_type", codes.TRANSACTION_TYPES),
    "initiator": _known("initiator", codes.INITIATORS),
    "amount_minor": _range("amount_minor", 0, AMOUNT_LIMIT_MINOR),
    "currency": _known("currency", codes.CURRENCIES),
    "billing_amount_minor": _range("billing_amount_minor", 0, BILLING_LIMIT_MINOR),
    "bin8": _format("bin8", "^[0-9]{8}$"),
    "product": _known("product", codes.PRODUCTS),
    "credit_limit_minor": _range("credit_limit_minor", 0, AMOUNT_LIMIT_MINOR),
    "merchant_id": _format("merchant_id", "^[!-~]{1,64}$"),
    "acquirer_id": _format("acquirer_id", "^[!-~]{1,64}$"),
    "terminal_id": _format("terminal_id", "^[!-~]{1,64}$"),
    "mcc": _known("mcc", KNOWN_MCCS),
    "merchant_country": _known("merchant_country", codes.COUNTRIES),
    "latitude": _range("latitude", -90, 90),
    "longitude": _range("longitude", -180, 180),
    "geo_precision_km": _range("geo_precision_km", 0, 5_000),
    "entry_mode": _known("entry_mode", codes.ENTRY_MODES),
    "cvv_result": _known("cvv_result", codes.CVV_RESULTS),
    "avs_result": _known("avs_result", codes.AVS_RESULTS),
    "tds_status": _known("tds_status", codes.TDS_STATUSES),
    "response_code": _format("response_code", "^[0-9A-Z]{2}$"),
    "outcome": _known("outcome", codes.OUTCOMES),
    "ip_country": _known("ip_country", codes.COUNTRIES),
    "ip_type": _known("ip_type", codes.IP_TYPES),
    **{field: _format(field, TOKEN_PATTERN) for field in IDENTITY_KINDS},
}

_APPROVED = pl.col("outcome") == "approved"
_AGE_MS = (ARRIVED_AT - pl.col("event_time")).dt.total_milliseconds()


def _young_enough(oldest_event_days: int) -> pl.Expr:
    return oldest_event_days * _DAY_MS >= _AGE_MS


_LEAST_LIMIT = min(AMOUNT_LIMITS.values())


def _amount_limit() -> pl.Expr:
    """The limit of a row's currency; one that is unknown breaks a rule of its own."""
    limit = pl.lit(AMOUNT_LIMIT_MINOR)
    for minor in sorted(set(AMOUNT_LIMITS.values()) - {AMOUNT_LIMIT_MINOR}):
        currencies = [name for name, most in AMOUNT_LIMITS.items() if most == minor]
        limit = pl.when(pl.col("currency").is_in(currencies)).then(pl.lit(minor)).otherwise(limit)
    return limit


CROSS_RULES: dict[str, pl.Expr] = {
    "amount_fits_currency": pl.col("amount_minor") <= _amount_limit(),
    "customer_or_card_required": pl.col("customer").is_not_null() | pl.col("card").is_not_null(),
    "event_time_too_old": _young_enough(OLDEST_EVENT_DAYS),
    "event_time_in_future": _AGE_MS >= -NEWEST_EVENT_MS,
    "original_id_required": ~pl.col("message_type").is_in(["REVERSAL", "INCREMENT"])
    | pl.col("original_id").is_not_null(),
    "terminal_required_card_present": ~pl.col("entry_mode").is_in(list(codes.CARD_PRESENT_MODES))
    | pl.col("terminal_id").is_not_null(),
    "outcome_matches_response_code": pl.col("response_code").is_in(list(codes.APPROVAL_CODES))
    == _APPROVED,
    "mit_not_card_present": (pl.col("initiator") != "MIT")
    | ~pl.col("entry_mode").is_in(list(codes.CARD_PRESENT_MODES)),
    "place_complete": pl.col("latitude").is_null() == pl.col("longitude").is_null(),
}
"""Rules over several fields, by name; true where the record keeps the rule."""


def _cross_rules(oldest_event_days: int) -> dict[str, pl.Expr]:
    return {**CROSS_RULES, "event_time_too_old": _young_enough(oldest_event_days)}


class _CrossRule:
    """A cross-field rule as Pandera calls it."""

    def __init__(self, expression: pl.Expr) -> None:
        self.expression = expression

    def __call__(self, data: PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(self.expression)


@cache
def transactions_schema(oldest_event_days: int = OLDEST_EVENT_DAYS) -> pa.DataFrameSchema:
    """The Pandera schema of Bronze rows that may become Silver."""
    required = set(required_fields("transaction"))
    columns = {
        name: pa.Column(
            dtype,
            checks=[_FIELD_CHECKS[name]] if name in _FIELD_CHECKS else [],
            nullable=name not in required,
        )
        for name, dtype in transaction_schema().items()
    }
    columns["key_agrees"] = pa.Column(
        pl.Boolean(), checks=[pa.Check.eq(True, error="key_agrees")], nullable=False
    )
    columns["append_time"] = pa.Column(pl.Datetime("ms", "UTC"), nullable=False)
    columns |= {name: pa.Column(dtype, nullable=True) for name, dtype in ORIGIN_SCHEMA.items()}
    rules = _cross_rules(oldest_event_days)
    cross = [pa.Check(_CrossRule(rule), error=name) for name, rule in rules.items()]
    return pa.DataFrameSchema(columns, checks=cross, name="transactions")


_TRANSLATIONS: dict[str, Callable[[pl.Expr, dict[str, Any]], pl.Expr]] = {
    "isin": lambda column, stats: column.is_in(list(stats["allowed_values"])),
    "in_range": lambda column, stats: column.is_between(stats["min_value"], stats["max_value"]),
    "str_matches": lambda column, stats: column.str.contains(stats["pattern"]),
    "equal_to": lambda column, stats: column == stats["value"],
}


@cache
def rule_expressions(oldest_event_days: int = OLDEST_EVENT_DAYS) -> dict[str, pl.Expr]:
    """Rule name -> expression that is true (or null, for a null field) where the rule is kept."""
    schema, cross = transactions_schema(oldest_event_days), _cross_rules(oldest_event_days)
    rules: dict[str, pl.Expr] = {}
    for name, column in schema.columns.items():
        if not column.nullable:
            rules[f"{name}_required"] = pl.col(name).is_not_null()
        for check in column.checks:
            rules[check.error] = _TRANSLATIONS[check.name](pl.col(name), check.statistics)
    for check in schema.checks:
        rules[check.error] = cross[check.error]
    return rules


TEXT_COLUMNS = tuple(name for name, dtype in transaction_schema().items() if dtype == pl.String)
"""Columns whose bytes `judge` looks at."""


@cache
def _text_rules() -> TextRules:
    columns = transactions_schema().columns
    checks = {name: columns[name].checks[0] for name in TEXT_COLUMNS if columns[name].checks}
    return TextRules.read(TEXT_COLUMNS, checks)


@cache
def _required() -> tuple[str, ...]:
    return tuple(name for name, one in transactions_schema().columns.items() if not one.nullable)


@cache
def _ranges() -> list[tuple[str, str, float, float]]:
    """Name, column, least and greatest value of the rules that are ranges."""
    return [
        (check.error, name, check.statistics["min_value"], check.statistics["max_value"])
        for name, column in transactions_schema().columns.items()
        for check in column.checks
        if check.name == "in_range"
    ]


def _is_within(column: pl.Series, low: float, high: float) -> bool:
    """Whether a look at the whole column shows that no value lies outside; NaN lies outside."""
    least, most = column.min(), column.max()
    if least is None:
        return True
    inside = low <= least and most <= high  # type: ignore[operator]  # numbers, both
    return bool(inside and not (column.dtype.is_float() and column.is_nan().any()))


@cache
def _other_rules(oldest_event_days: int) -> dict[str, pl.Expr]:
    """The rules that `judge` cannot read off null counts or the bytes of texts."""
    done = {f"{name}_required" for name in _required()} | set(_text_rules().rules)
    rules = rule_expressions(oldest_event_days).items()
    return {name: rule.alias(name) for name, rule in rules if name not in done}


def _doubtful(rows: pl.DataFrame, oldest_event_days: int) -> list[pl.Expr]:
    """Those of the other rules that a look at whole columns does not show to be kept."""
    rules = dict(_other_rules(oldest_event_days))
    for name, field, low, high in _ranges():
        if _is_within(rows.get_column(field), low, high):
            del rules[name]
    if _is_within(rows.get_column("amount_minor"), 0, _LEAST_LIMIT):
        del rules["amount_fits_currency"]
    return list(rules.values())


@dataclass(frozen=True)
class Verdict:
    """Which rows break rules, and how good each row is."""

    quality_score: NDArray[np.float64]
    failed: dict[int, list[str]]
    """Row number -> names of the rules it breaks, in the schema's order; clean rows are absent."""
    terms: Mapping[str, NDArray[Any]]
    """What the scores were made of."""

    @property
    def source(self) -> NDArray[np.int8]:
        """Place of each row's source in SOURCES, behind them all where it is none of them.

        -1 where the row came more than a day late: a file of the past says nothing of the source now.
        """
        return np.where(self.terms[LATE], -1, self.terms[SOURCE]).astype(np.int8)

    def blemishes(self, row: int) -> list[str]:
        """Names of what lowers the row's score without breaking a rule."""
        return blemishes(self.terms, row)


def judge(
    rows: pl.DataFrame, oldest_event_days: int = OLDEST_EVENT_DAYS, texts: Texts | None = None
) -> Verdict:
    """Judge Bronze rows by every rule; events may be `oldest_event_days` old.

    `texts` are the rows' `TEXT_COLUMNS`, where the caller has them. Polars plans each expression
    anew and hands a select over to its own thread and back, which in a small step costs more than
    the work in it: hence one select, of what nothing cheaper can tell.
    """
    broken = _text_rules().broken(texts or Texts.of(rows, TEXT_COLUMNS))
    for name in _required():
        column = rows.get_column(name)
        if column.null_count():
            broken[f"{name}_required"] = column.is_null().arg_true().to_list()
    rules = _doubtful(rows, oldest_event_days)
    judged = rows.select(*rules, *quality_terms(), *quality_gaps(rows)).get_columns()
    for column in judged[: len(rules)]:
        if not column.all():
            broken[column.name] = (~column.fill_null(True)).arg_true().to_list()
    failed = _by_row(broken)
    terms = {column.name: column.to_numpy() for column in judged[len(rules) :]}
    quality = quality_scores(terms)
    if failed:
        quality[list(failed)] *= ERROR_FACTOR
    return Verdict(quality, failed, terms)


def _by_row(broken: Mapping[str, Sequence[int]]) -> dict[int, list[str]]:
    """Names of the rules that each row breaks, in the schema's order."""
    failed: dict[int, list[str]] = {}
    for name in rule_expressions() if broken else ():
        for row in broken.get(name, ()):
            failed.setdefault(row, []).append(name)
    return failed


def pandera_failures(
    rows: pl.DataFrame, oldest_event_days: int = OLDEST_EVENT_DAYS
) -> list[list[str]]:
    """The failed rules of each row, said by Pandera itself (~80 ms): for checks over whole tables."""
    failures: list[set[str]] = [set() for _ in range(rows.height)]
    try:
        transactions_schema(oldest_event_days).validate(rows, lazy=True)
    except pa.errors.SchemaErrors as error:
        for case in error.failure_cases.iter_rows(named=True):
            name = case["check"]
            if name == "not_nullable":
                name = f"{case['column']}_required"
            failures[case["index"]].add(name)
    order = {name: place for place, name in enumerate(rule_expressions())}
    return [sorted(names, key=lambda name: order.get(name, len(order))) for names in failures]
