"""What a burst capacity asks of the gate, beside the arithmetic of how many instances."""

from __future__ import annotations

ALWAYS, NEVER = -1.0, 0.0
"""Burst capacities that keep the gate in the path, or behind the instances, whatever comes."""


def gate_moves(asked: float | None, default: float) -> bool:
    """Whether the gate really goes where the mode says, also without a hard limit.

    ``asked`` is the burst capacity that a revision names, ``default`` that of all others. The
    default that every cluster has asks for an activator in front of nearly every small service.
    Here that would cost each of them most of its throughput and protect nobody: instances without
    a hard limit take what comes, and Envoy gives it to the idlest. So the mode is only told then.
    Who names a number for a revision, or -1 for all, gets what it says.
    """
    if asked is None:
        return default == ALWAYS
    return asked != NEVER
