"""`make services`: fetch Kafka and the registry, saying so only when there is work."""

from __future__ import annotations

import sys

from fraudstream_platform.errors import UserError
from fraudstream_platform.local import jars
from fraudstream_platform.local.java import find_java
from fraudstream_platform.settings import SettingsError, get_settings


def main() -> int:
    """Fetch what is missing; returns the exit status."""
    try:
        settings = get_settings()
        find_java()
        if not jars.all_there(settings.services_dir):
            print("Fetching Kafka and the schema registry (180 MB, once) ...", flush=True)  # noqa: T201
        jars.fetch_all(settings.services_dir)
    except (UserError, SettingsError) as error:
        print(f"fraudstream: {error}", file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
