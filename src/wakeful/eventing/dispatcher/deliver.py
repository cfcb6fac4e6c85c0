"""One attempt of each hop: an event to its subscriber, the answer to the reply's destination."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus

from wakeful.cloudevents import AttributeValue, Event
from wakeful.eventing.delivery import (
    Outcome,
    Response,
    Sender,
    UnreachableError,
    is_success,
    parse_destination,
)
from wakeful.eventing.delivery.names import cluster_name
from wakeful.eventing.dispatcher.answers import (
    BadReplyError,
    Failure,
    dead_letter,
    encode,
    read_reply,
    with_ttl,
)
from wakeful.eventing.frame import ForwardedHeaders
from wakeful.eventing.history.records import Hop, HopKind, Recorder
from wakeful.eventing.ingress.ingress import Ingress
from wakeful.eventing.ingress.rules import forwarded
from wakeful.eventing.plan.model import SubscriptionPlan, TargetPlan

LONGEST_ATTEMPT_SECONDS = 900.0
"""Of an attempt without a time limit of its own."""
_TRACE = frozenset({"traceparent", "tracestate", "baggage"})


@dataclass(frozen=True, slots=True)
class Parcel:
    """An event on its way, with what travels along."""

    event: Event
    forwarded: ForwardedHeaders
    sequence: int
    attempt: int
    ttl: AttributeValue | None = None
    """How often a reply may still pass the Broker; not shown to subscribers."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a subscriber said that someone else shall hear."""

    event: Event
    forwarded: ForwardedHeaders


class Courier:
    """Sends for all lanes. What is addressed to our own ingress takes no detour over HTTP."""

    def __init__(self, sender: Sender, ingress: Ingress, recorder: Recorder) -> None:
        self._sender, self._ingress, self._recorder = sender, ingress, recorder

    async def attempt(self, plan: SubscriptionPlan, parcel: Parcel) -> Failure | None:
        """Make one attempt of each hop; None when all of it was taken."""
        answer = await self.ask(plan, parcel)
        if isinstance(answer, Answer):
            return await self.reply(plan, parcel, answer)
        return answer

    async def ask(self, plan: SubscriptionPlan, parcel: Parcel) -> Answer | Failure | None:
        """Deliver to the subscriber once; None when it was taken and nobody waits for an answer.

        Without a subscriber the event itself is the answer.
        """
        if plan.subscriber is None:
            return Answer(parcel.event, parcel.forwarded) if plan.reply is not None else None
        response = await self._send(plan, plan.subscriber, parcel.event, parcel, HopKind.DELIVERED)
        if isinstance(response, Failure):
            return response
        try:
            answer = read_reply(response, must_be_event=plan.is_trigger)
        except BadReplyError as error:
            outcome = Outcome(HTTPStatus.BAD_GATEWAY, str(error))
            return self._failed(plan, parcel, Failure(plan.subscriber.url, outcome), 0.0)
        if answer is None:
            return None
        self._ingress.types.see(plan.owner, answer)
        if plan.reply is None:
            return None
        if plan.is_trigger:
            answer = with_ttl(answer, parcel.ttl)
        return Answer(answer, _answer_headers(response, parcel.forwarded))

    async def reply(self, plan: SubscriptionPlan, parcel: Parcel, answer: Answer) -> Failure | None:
        """Send the answer to an event where replies go, once; None when it was taken."""
        if plan.reply is None:  # not any more
            return None
        sent = Parcel(answer.event, answer.forwarded, parcel.sequence, parcel.attempt)
        result = await self._send(
            plan, plan.reply, answer.event, sent, HopKind.REPLIED, of=parcel.event
        )
        return result if isinstance(result, Failure) else None

    async def bury(self, plan: SubscriptionPlan, parcel: Parcel, why: Failure) -> Failure | None:
        """Send to the dead letter sink once; None when it was taken."""
        if plan.dead_letter is None:
            return why
        letter = dead_letter(parcel.event, why)
        result = await self._send(plan, plan.dead_letter, letter, parcel, HopKind.DEAD_LETTERED)
        return result if isinstance(result, Failure) else None

    async def _send(
        self,
        plan: SubscriptionPlan,
        target: TargetPlan,
        event: Event,
        parcel: Parcel,
        kind: HopKind,
        of: Event | None = None,
    ) -> Response | Failure:
        began = time.perf_counter()
        try:
            response = await self._post(plan, target, event, parcel.forwarded)
        except UnreachableError as error:
            failure = Failure(target.url, Outcome(None, str(error)))
        except ValueError as error:  # a URL or header that cannot be sent will never be
            failure = Failure(target.url, Outcome(HTTPStatus.BAD_REQUEST, str(error)))
        else:
            if is_success(response.status):
                self._note(plan, parcel, kind, target.url, began, response.status, of)
                return response
            retry_after = response.header("retry-after")
            outcome = Outcome(response.status, retry_after=retry_after)
            failure = Failure(target.url, outcome, response.body)
        return self._failed(plan, parcel, failure, began, of)

    async def _post(
        self, plan: SubscriptionPlan, target: TargetPlan, event: Event, headers: ForwardedHeaders
    ) -> Response:
        to = parse_destination(target.url, target.ca_certs)
        if not to.tls and cluster_name(to.host) is not None:
            route = self._ingress.route_of(to.host, to.target)
            if route is not None:
                answer = await self._ingress.take(route, event, headers)
                return Response(answer.status, list(answer.headers), answer.body)
        namespace = plan.owner.split("/")[1] if "/" in plan.owner else ""
        pairs, body = encode(event, headers, namespace, structured=bool(plan.structured))
        limit = plan.retry.timeout_seconds or LONGEST_ATTEMPT_SECONDS
        return await self._sender.post(
            target.url, pairs, body, timeout_seconds=limit, ca_certs=target.ca_certs
        )

    def _note(
        self,
        plan: SubscriptionPlan,
        parcel: Parcel,
        kind: HopKind,
        url: str,
        began: float,
        status: int | None,
        of: Event | None,
        note: str = "",
    ) -> None:
        if not self._recorder.wants(kind):
            return
        event = of or parcel.event
        taken = (time.perf_counter() - began) * 1000 if began else 0.0
        if of is not None and kind is HopKind.REPLIED:
            note = f"replied with {parcel.event.type} {parcel.event.id}"
        self._recorder.record(
            Hop(
                kind,
                plan.owner,
                event.id,
                event.source,
                event.type,
                parcel.sequence,
                url,
                status,
                parcel.attempt,
                taken,
                note,
            )
        )

    def _failed(
        self,
        plan: SubscriptionPlan,
        parcel: Parcel,
        failure: Failure,
        began: float,
        of: Event | None = None,
    ) -> Failure:
        status = failure.outcome.status
        self._note(
            plan, parcel, HopKind.FAILED, failure.url, began, status, of, failure.outcome.reason
        )
        return failure


def _answer_headers(response: Response, sent: ForwardedHeaders) -> ForwardedHeaders:
    """Headers of an answer that travel on; the trace is the sender's unless the answer has one."""
    own = forwarded(response.headers)
    names = {name for name, _ in own}
    return own + [(n, v) for n, v in sent if n in _TRACE and n not in names]
