"""Promotion from the UI: an asset whose materialization is the decision."""

import dagster as dg

from fraudstream_platform.defs.assets import FEATURES, QUARANTINE, SILVER
from fraudstream_platform.errors import UserError
from fraudstream_platform.lake.promote import hours_to_promote, promote
from fraudstream_platform.lake.promoted import promoted_hours
from fraudstream_platform.settings import get_settings


class PromotionConfig(dg.Config):
    """What readers are to see."""

    candidate: str
    """Name of a candidate that a backfill with the tag `fraudstream/candidate` made; `live` goes back."""
    first: str = ""
    """Only from this hour on, UTC, as 2026-11-28T09."""
    last: str = ""
    """Only up to this hour."""


@dg.asset(
    key=["gold", "promotions"],
    deps=[SILVER, QUARANTINE, FEATURES],
    group_name="gold",
    kinds={"deltalake"},
    description="Which candidate readers see in which hour; hours that are not in it are live. "
    "Materialize it to promote a candidate: one commit, audited.",
)
def promotions(config: PromotionConfig) -> dg.MaterializeResult[None]:
    """Promote hours of a candidate."""
    settings = get_settings()
    try:
        hours = hours_to_promote(settings, config.candidate, config.first, config.last)
        promote(settings, config.candidate, hours)
    except UserError as error:
        raise dg.Failure(str(error)) from error
    return dg.MaterializeResult(
        metadata={
            "candidate": config.candidate,
            "hours": ", ".join(hours),
            "promoted_now": dg.MetadataValue.json(promoted_hours(settings.lake)),
        }
    )
