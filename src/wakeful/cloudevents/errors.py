"""What can be wrong with an event, said exactly."""

from __future__ import annotations

from dataclasses import dataclass

from wakeful.apimachinery.errors import WakefulError


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: the attribute (or ``data``, ``body``, ``content-type``) and the reason."""

    attribute: str
    reason: str

    def __str__(self) -> str:
        return f"{self.attribute}: {self.reason}"


class CloudEventError(WakefulError):
    """A message is no valid CloudEvent; a receiver answers 400 with this text.

    ``attribute`` and ``reason`` are those of the first fault; ``faults`` has all that were found.
    """

    def __init__(self, *faults: Fault) -> None:
        text = "; ".join(str(fault) for fault in faults)
        # Names in the message may be no Unicode at all; the text has to be one that can be sent.
        super().__init__(text.encode("utf-8", "backslashreplace").decode())
        self.faults = faults

    @property
    def attribute(self) -> str:
        """What the first fault is about."""
        return self.faults[0].attribute

    @property
    def reason(self) -> str:
        """Why the first fault is one."""
        return self.faults[0].reason


class UnsupportedFormatError(CloudEventError):
    """Structured or batched, but in a format or mode not spoken here; 415 says it best."""


def fault(attribute: str, reason: str) -> CloudEventError:
    """An error with a single fault."""
    return CloudEventError(Fault(attribute, reason))
