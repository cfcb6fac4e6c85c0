"""One record of a channel's topic to one subscriber, and the answer to its reply."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from wakeful.cloudevents import Event, Mode, to_http
from wakeful.eventbus.kafka import Record, from_record
from wakeful.eventing.delivery import Outcome, Response, Sender
from wakeful.eventing.dispatcher.answers import BadReplyError, Failure, dead_letter, read_reply
from wakeful.eventing.frame import ForwardedHeaders
from wakeful.eventing.ingress.rules import forwarded
from wakeful.eventing.kafkachannels.plan import Place, SubscriberPlan


class SubscriberDelivery:
    """Does all there is to do with a record; it is dealt with when the call returns.

    ``lost`` is told of events that nobody took, not even the dead letter sink.
    """

    def __init__(
        self, sender: Sender, plan: SubscriberPlan, namespace: str, lost: Callable[[str], None]
    ) -> None:
        self._sender, self._plan, self._namespace, self._lost = sender, plan, namespace, lost

    async def __call__(self, record: Record) -> None:
        """Deliver a record."""
        event = from_record(record)
        if event is None:
            self._lost(f"{_where(record)} is no event")
            return
        along = forwarded(
            (name.lower(), value.decode("utf-8", "replace")) for name, value in record.headers
        )
        failure = await self._deliver(event, along)
        if failure is None:
            return
        sink = self._plan.dead_letter
        fault = f"{failure.url} did not take {_where(record)}: {failure.reason}"
        if sink is None:
            self._lost(fault)
            return
        _, last = await self._send(dead_letter(event, failure), sink, along)
        if last is not None:
            self._lost(f"{fault}; {sink.url} neither: {last.reason}")

    async def _deliver(self, event: Event, along: ForwardedHeaders) -> Failure | None:
        plan, answer = self._plan, event
        if plan.subscriber is not None:
            response, failure = await self._send(event, plan.subscriber, along)
            if failure is not None:
                return failure
            assert response is not None
            try:
                reply = read_reply(response, must_be_event=False)
            except BadReplyError as error:
                outcome = Outcome(HTTPStatus.BAD_GATEWAY, str(error))
                return Failure(plan.subscriber.url, outcome)
            if reply is None:
                return None
            answer = reply
        if plan.reply is None:
            return None
        _, failure = await self._send(answer, plan.reply, along)
        return failure

    async def _send(
        self, event: Event, to: Place, along: ForwardedHeaders
    ) -> tuple[Response | None, Failure | None]:
        headers, body = to_http(event, Mode.STRUCTURED if self._plan.structured else Mode.BINARY)
        headers |= {"prefer": "reply", "kn-namespace": self._namespace}
        outcome, response, _ = await self._sender.deliver(
            to.url, [*along, *headers.items()], body, self._plan.patience, ca_certs=to.ca_certs
        )
        if outcome.delivered:
            return response, None
        return response, Failure(to.url, outcome, response.body if response is not None else b"")


def _where(record: Record) -> str:
    return f"topic {record.topic} partition {record.partition} offset {record.offset}"
