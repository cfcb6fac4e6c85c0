"""How the platform's own processes log."""

from wakeful.telemetry.logs import configure_logging

__all__ = ["configure_logging"]
