"""Rings under names of their own, and other builds, as the tests of the rings have them."""

from tests.ringbuf.conftest import make, prefix, spawn, variants

__all__ = ["make", "prefix", "spawn", "variants"]
