"""Requests and limits of processors in the units of the kernel, as the kubelet computes them."""

from __future__ import annotations

PERIOD_US = 100_000


def cpu_shares(millis: int) -> int:
    """The weight for version 1, as the kubelet computes it."""
    return max(2, min(262_144, millis * 1024 // 1000))


def cpu_weight(shares: int) -> int:
    """The weight for version 2 that corresponds to ``shares``."""
    return 1 + (shares - 2) * 9999 // 262_142


def cpu_quota_us(millis: int) -> int:
    """Microseconds in each period of a tenth of a second; no fewer than 1000."""
    return max(1000, millis * PERIOD_US // 1000)
