"""The GraphQL of Dagster's web server, as its UI uses it."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from fraudstream_platform.settings import Settings


def ask(settings: Settings, query: str, **variables: Any) -> dict[str, Any]:
    """One request's data; AssertionError where the answer names errors."""
    request = urllib.request.Request(
        f"{settings.dagster_webserver}/graphql",
        json.dumps({"query": query, "variables": variables}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        answer: dict[str, Any] = json.load(response)
    assert "errors" not in answer, answer
    return dict(answer["data"])
