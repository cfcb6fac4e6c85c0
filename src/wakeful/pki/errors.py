"""What goes wrong with keys, certificates and tokens."""

from __future__ import annotations


class PKIError(Exception):
    """A key or certificate cannot be used."""


class InvalidTokenError(PKIError):
    """A token is not ours, is over, or was meant for somebody else."""
