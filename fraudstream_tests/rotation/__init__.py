"""Rotation of both keys under live load, beside a twin that never rotates: `make rotation`."""
