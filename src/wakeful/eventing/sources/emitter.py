"""Sends a source's events, with the patience upstream's adapters have."""

from __future__ import annotations

from wakeful.cloudevents import Event
from wakeful.eventing.delivery import BackoffPolicy, Outcome, RetryPolicy, Sender
from wakeful.eventing.sources.target import Target

_PATIENCE = RetryPolicy(
    retries=5,
    backoff=BackoffPolicy.EXPONENTIAL,
    delay_seconds=0.05,
    timeout_seconds=30.0,
)


class SinkError(Exception):
    """The sink did not take an event; the text says what it answered."""

    def __init__(self, target: Target, outcome: Outcome, attempts: int) -> None:
        answer = f"HTTP {outcome.status}" if outcome.status is not None else outcome.reason
        super().__init__(f"{target.url} did not take an event in {attempts} attempts: {answer}")
        self.target, self.outcome, self.attempts = target, outcome, attempts


class Emitter:
    """Posts events in binary mode."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def emit(
        self, event: Event, target: Target, *, patience: RetryPolicy = _PATIENCE
    ) -> None:
        """Return once the sink took the event.

        Raises:
            SinkError: It did not, for as long as ``patience`` lasted.
        """
        headers, body = target.request(target.apply(event))
        outcome, _, attempts = await self._sender.deliver(
            target.url, headers, body, patience, ca_certs=target.ca_certs
        )
        if not outcome.delivered:
            raise SinkError(target, outcome, attempts)
