"""How the platform's own processes log."""

from wakeful.telemetry.levels import COMPONENTS, set_levels
from wakeful.telemetry.logs import configure_logging

__all__ = ["COMPONENTS", "configure_logging", "set_levels"]
