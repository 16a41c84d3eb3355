"""`python -m fraudstream_platform.detection.compile`: compiles the kernels ahead of first use."""

from __future__ import annotations

from fraudstream_platform.detection.step import warm_up

if __name__ == "__main__":
    warm_up()
