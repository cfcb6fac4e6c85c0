"""What is kept about events on their way."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class HopKind(StrEnum):
    """What happened."""

    ACCEPTED = "accepted"
    """Stored by a Broker or channel."""
    DELIVERED = "delivered"
    """A subscriber took it."""
    FAILED = "failed"
    """One attempt failed; there may be others."""
    REPLIED = "replied"
    """The subscriber answered with an event, which was passed on."""
    DEAD_LETTERED = "dead-lettered"
    """The dead letter sink took it."""
    KEPT = "kept"
    """Nobody took it; it is among the dead letters."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of one event."""

    kind: HopKind
    owner: str
    """``broker/ns/name``, ``trigger/ns/name``, ``subscription/ns/name``, a channel's kind…"""
    event_id: str
    source: str
    type: str
    sequence: int = 0
    """Place in the Broker's or channel's stream: tells apart events sent twice."""
    url: str = ""
    status: int | None = None
    """What was answered; None when nothing was."""
    attempt: int = 0
    """Counted from 1."""
    duration_ms: float = 0.0
    note: str = ""
    """Why it failed; for replies, the id of the event answered."""
    at: float = 0.0
    """Seconds since 1970; filled in by the recorder."""
    number: int = 0
    """Grows with each hop; filled in by the store."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event nobody took, whole."""

    owner: str
    """Whose subscriber did not take it."""
    event_id: str
    source: str
    type: str
    url: str
    """What failed: the subscriber, the reply's destination."""
    reason: str
    status: int | None = None
    attempts: int = 0
    response: bytes = b""
    """The beginning of the last answer."""
    message: bytes = field(default=b"", repr=False)
    """The event as stored: :func:`wakeful.eventing.frame.unpack`."""
    subject: str = ""
    """The event's ``subject`` attribute."""
    at: float = 0.0
    number: int = 0
    """Filled in by the store."""


class Recorder(Protocol):
    """Takes note; never blocks, never fails."""

    def wants(self, kind: HopKind) -> bool:
        """Whether there is room for another hop of this kind; asked before one is made."""
        ...

    def record(self, hop: Hop) -> None:
        """Keep a hop."""
        ...


class NoRecorder:
    """Keeps nothing."""

    def wants(self, kind: HopKind) -> bool:
        """No."""
        return False

    def record(self, hop: Hop) -> None:
        """Do nothing."""
