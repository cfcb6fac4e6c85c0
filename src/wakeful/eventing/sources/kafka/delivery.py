"""One record to its sink, or to the dead letter sink."""

from __future__ import annotations

import base64
from collections.abc import Callable

from wakeful.cloudevents import Event
from wakeful.eventbus.kafka import Record
from wakeful.eventing.delivery import Outcome, Response, Sender
from wakeful.eventing.sources.kafka.convert import to_event
from wakeful.eventing.sources.kafka.plan import KafkaPlan
from wakeful.eventing.sources.target import Target

_MOST_ERROR_DATA_BYTES = 1024


class RecordDelivery:
    """Does all there is to do with a record; it is dealt with when the call returns.

    ``lost`` is told of records that nobody took, not even the dead letter sink.
    """

    def __init__(self, sender: Sender, plan: KafkaPlan, lost: Callable[[str], None]) -> None:
        self._sender, self._plan, self._lost = sender, plan, lost

    async def __call__(self, record: Record) -> None:
        """Deliver a record."""
        plan = self._plan
        event = plan.target.apply(to_event(record, plan.conversion))
        outcome, response = await self._send(event, plan.target)
        if outcome.delivered:
            return
        where = f"topic {record.topic} partition {record.partition} offset {record.offset}"
        fault = f"{plan.target.url} did not take {where}: {_why(outcome)}"
        if plan.dead_letter is None:
            self._lost(fault)
            return
        letter = make_dead_letter(event, plan.target.url, outcome, response)
        last, _ = await self._send(letter, plan.dead_letter)
        if not last.delivered:
            self._lost(f"{fault}; {plan.dead_letter.url} neither: {_why(last)}")

    async def _send(self, event: Event, to: Target) -> tuple[Outcome, Response | None]:
        headers, body = to.request(event)
        outcome, response, _ = await self._sender.deliver(
            to.url, headers, body, self._plan.patience, ca_certs=to.ca_certs
        )
        return outcome, response


def make_dead_letter(event: Event, url: str, outcome: Outcome, response: Response | None) -> Event:
    """The event with what is known of its end, as upstream's dispatcher for Kafka tells it.

    Without an answer there is only the address; headers ``Kne-X`` of an answer become extensions.
    """
    told: dict[str, str] = {"knativeerrordest": url}
    if response is not None:
        told["knativeerrorcode"] = str(response.status)
        if response.body:
            body = response.body[:_MOST_ERROR_DATA_BYTES]
            told["knativeerrordata"] = base64.b64encode(body).decode()
        for name, value in response.headers:
            extension = name.lower().removeprefix("kne-")
            if extension != name.lower() and extension.isalnum():
                told[extension] = value
    elif outcome.reason:
        told["knativeerrordata"] = base64.b64encode(outcome.reason.encode()).decode()
    return event.with_extensions(told)


def _why(outcome: Outcome) -> str:
    return f"HTTP {outcome.status}" if outcome.status is not None else outcome.reason
