"""Why the server does not do what a client asks."""

from __future__ import annotations

import os


class RequestError(Exception):
    """What the client is told; ``code`` is what it goes by."""

    code = "invalid"
    stage = ""
    number = 0
    """The system's error number, if the system refused."""


class SpecError(RequestError):
    """A request that cannot be carried out as it is written."""


class MissingError(RequestError):
    """No such name."""

    code = "missing"


class BusyError(RequestError):
    """The name is taken by something that runs."""

    code = "busy"


class LaunchError(RequestError):
    """The program could not be started; ``stage`` says what was being done."""

    code = "launch"

    def __init__(self, stage: str, number: int, subject: str = "") -> None:
        super().__init__(f"{stage}: {os.strerror(number)}" + (f": {subject!r}" if subject else ""))
        self.stage, self.number = stage, number
