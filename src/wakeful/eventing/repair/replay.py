"""Sending a dead letter again, to the one subscriber that did not take it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from wakeful.aio import Clock
from wakeful.eventbus import NoStreamError
from wakeful.eventing.delivery import RetryPolicy, Sender
from wakeful.eventing.dispatcher.answers import Failure, take_ttl
from wakeful.eventing.dispatcher.deliver import Courier, Parcel
from wakeful.eventing.frame import unpack
from wakeful.eventing.history import DeadLetter, HistoryStore, HopRecorder
from wakeful.eventing.ingress.ingress import Ingress
from wakeful.eventing.plan.model import Plan, SubscriptionPlan, TargetPlan

_ATTEMPT_SECONDS = 50.0
"""Somebody waits for the answer, so subscribers that may take longer get no longer."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it; ``letter`` is what is left of the letter when it was not taken."""

    delivered: bool
    url: str
    reason: str = ""
    code: int | None = None
    letter: DeadLetter | None = None


class Replayer:
    """Delivers letters by the plan of now: a Trigger that was mended gets them where it points now.

    What the subscriber answers goes where its answers go. A letter that was taken is gone, one that
    was not keeps the newest reason.
    """

    def __init__(
        self, store: HistoryStore, sender: Sender, plan: Callable[[], Plan], clock: Clock
    ) -> None:
        self._store, self._plan = store, plan
        self._recorder = HopRecorder(store)
        # It has no routes: what is addressed to the event process goes there over HTTP.
        self._courier = Courier(sender, Ingress(_NoBus(), clock, self._recorder), self._recorder)

    async def replay(self, letter: DeadLetter) -> Replayed:
        """Make one attempt."""
        plan = self._subscription(letter)
        event, forwarded = unpack(letter.message)
        ttl = take_ttl(event) if plan.is_trigger else None
        parcel = Parcel(event, forwarded, 0, letter.attempts + 1, ttl)
        failure = await self._courier.attempt(plan, parcel)
        await self._recorder.flush()
        if failure is None:
            self._store.remove_dead_letter(letter.number)
            return Replayed(delivered=True, url=_url_of(plan))
        tried = _tried_again(letter, failure)
        self._store.replace_dead_letter(tried)
        return Replayed(
            delivered=False,
            url=failure.url,
            reason=failure.reason,
            code=failure.outcome.status,
            letter=tried,
        )

    def _subscription(self, letter: DeadLetter) -> SubscriptionPlan:
        for plan in self._plan().subscriptions:
            if plan.owner == letter.owner:
                timeout = min(plan.retry.timeout_seconds or _ATTEMPT_SECONDS, _ATTEMPT_SECONDS)
                return replace(plan, retry=replace(plan.retry, timeout_seconds=timeout))
        # Whoever it was for is gone, or is no Trigger or Subscription: where it went then.
        return SubscriptionPlan(
            stream="",
            consumer="",
            owner=letter.owner,
            uid="",
            subscriber=TargetPlan(letter.url),
            retry=RetryPolicy(timeout_seconds=_ATTEMPT_SECONDS),
        )


class _NoBus:
    """Stores nothing."""

    async def publish(self, subject: str, data: bytes) -> int:
        """Refuse."""
        raise NoStreamError(f"nothing is stored here: {subject}, {len(data)} bytes")


def _url_of(plan: SubscriptionPlan) -> str:
    target = plan.subscriber or plan.reply
    return target.url if target is not None else ""


def _tried_again(letter: DeadLetter, failure: Failure) -> DeadLetter:
    return replace(
        letter,
        url=failure.url,
        reason=failure.reason,
        status=failure.outcome.status,
        attempts=letter.attempts + 1,
        response=failure.body[:1024],
    )
