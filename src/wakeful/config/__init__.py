"""Settings of the processes: one model, read once in ``cmd``, passed whole.

Not for the ``config-*`` maps that users edit while the platform runs: those are objects.
"""

from wakeful.config.settings import (
    DataDir,
    LogLevel,
    RuntimeName,
    Settings,
    StandInMode,
    default_data_dir,
)

__all__ = ["DataDir", "LogLevel", "RuntimeName", "Settings", "StandInMode", "default_data_dir"]
