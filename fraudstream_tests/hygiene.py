"""The list of components: `python -m fraudstream_tests.hygiene sbom.json` writes CycloneDX 1.6.

From `requirements.txt`, which pins every Python package with its hashes, and from the jars of the
embedded services.
"""

from __future__ import annotations

import json
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from fraudstream_platform.local.jars import KAFKA_VERSION, REGISTRY_VERSION
from fraudstream_platform.settings import PROJECT_ROOT

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s\\;]+)", re.MULTILINE)
_JARS = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    f"io.apicurio:apicurio-registry-app:{REGISTRY_VERSION}",
)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def bill_of_materials(requirements: str) -> dict[str, Any]:
    """CycloneDX of the pinned packages in the text of a requirements file, and of the services."""
    parts = list(_PIN.finditer(requirements))
    ends = [part.start() for part in parts[1:]] + [len(requirements)]
    components = [
        _package(part[1], part[2], _HASH.findall(requirements[part.end() : end]))
        for part, end in zip(parts, ends, strict=True)
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": "fraudstream-platform",
                "version": metadata.version("fraudstream-platform"),
            }
        },
        "components": [*components, *map(_jar, _JARS)],
    }


def _package(name: str, version: str, hashes: list[str]) -> dict[str, Any]:
    # The hashes are those of all files of a version, of which a machine takes one.
    return {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name.lower().replace('_', '-')}@{version}",
        "bom-ref": f"pypi:{name}",
        "properties": [{"name": "fraudstream:sha256", "value": one} for one in hashes],
    }


def _jar(coordinates: str) -> dict[str, Any]:
    group, name, version = coordinates.split(":")
    return {
        "type": "library",
        "group": group,
        "name": name,
        "version": version,
        "purl": f"pkg:maven/{group}/{name}@{version}",
        "bom-ref": f"maven:{group}:{name}",
    }


if __name__ == "__main__":
    text = (PROJECT_ROOT / "requirements.txt").read_text()
    Path(sys.argv[1]).write_text(json.dumps(bill_of_materials(text), indent=1) + "\n")
