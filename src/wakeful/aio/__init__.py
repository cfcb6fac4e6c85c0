"""Structured concurrency for the whole platform: who runs, who waits, who is told to end.

Not for anything that knows a kind, a socket or a file format.
"""

from wakeful.aio.backoff import Backoff
from wakeful.aio.cancellation import kept_cancellation, to_thread_and_back
from wakeful.aio.clock import Clock, ManualClock, SystemClock
from wakeful.aio.fairtimeout import fair_timeout
from wakeful.aio.housekeeping import Housekeeping, Piece
from wakeful.aio.program import ProgramResult, run_program, running_program
from wakeful.aio.retry import retry
from wakeful.aio.rightofway import RightOfWay
from wakeful.aio.supervise import Component, ComponentExitedError, Lifetime, supervise
from wakeful.aio.waiting import first_of

__all__ = [
    "Backoff",
    "Clock",
    "Component",
    "ComponentExitedError",
    "Housekeeping",
    "Lifetime",
    "ManualClock",
    "Piece",
    "ProgramResult",
    "RightOfWay",
    "SystemClock",
    "fair_timeout",
    "first_of",
    "kept_cancellation",
    "retry",
    "run_program",
    "running_program",
    "supervise",
    "to_thread_and_back",
]
