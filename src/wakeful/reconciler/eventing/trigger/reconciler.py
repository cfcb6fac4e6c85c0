"""Subscribe a Trigger to its Broker's channel."""

from __future__ import annotations

from wakeful.apimachinery.conditions import READY
from wakeful.apimachinery.errors import APIStatusError, ConflictError, NotFoundError
from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.duck import Addressable
from wakeful.apis.duck.lifecycle import mark_identity_not_needed
from wakeful.apis.eventing import Broker, Trigger, register
from wakeful.client import Lister
from wakeful.reconciler.eventing.broker.resources import channel_reference
from wakeful.reconciler.eventing.destinations import DestinationResolver
from wakeful.reconciler.eventing.references import UnresolvedError
from wakeful.reconciler.eventing.trigger.dependency import check_dependency
from wakeful.reconciler.eventing.trigger.resources import make_subscription
from wakeful.reconciler.messaging.subscriptions import Subscriptions

_NO_SINK = "Unable to get the dead letter sink's URI"


class TriggerReconciler:
    """One Subscription for each Trigger."""

    def __init__(
        self,
        brokers: Lister[Broker],
        subscriptions: Subscriptions,
        resolver: DestinationResolver,
    ) -> None:
        self._brokers, self._subscriptions = brokers, subscriptions
        self._resolver = resolver

    async def reconcile_kind(self, trigger: Trigger) -> None:
        """Bring the Subscription in line, as soon as the Broker is ready."""
        self._resolver.forget(trigger.key)
        status = trigger.status
        mark_identity_not_needed(status)
        key = trigger.broker_key
        broker = self._brokers.get(key.name, key.namespace)
        if broker is None:
            status.mark_broker_failed("BrokerDoesNotExist", f'Broker "{key.name}" does not exist')
            return
        if broker.broker_class != register.MT_CHANNEL_BROKER:
            return
        status.propagate_broker(broker.status.condition(READY))
        if not broker.is_ready:
            return
        await check_dependency(trigger, self._resolver.references)
        if not await self._resolve_subscriber(trigger):
            return
        if await self._resolve_dead_letter_sink(trigger, broker):
            await self._subscribe(trigger, broker)

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody asks for its references any more."""
        self._resolver.forget(key)

    async def _resolve_subscriber(self, trigger: Trigger) -> bool:
        try:
            found = await self._resolver.resolve(trigger.spec.subscriber, trigger)
        except UnresolvedError as err:
            trigger.status.mark_subscriber_failed("Unable to get the Subscriber's URI", str(err))
            return False
        trigger.status.mark_subscriber_resolved(found)
        return True

    async def _resolve_dead_letter_sink(self, trigger: Trigger, broker: Broker) -> bool:
        status, own = trigger.status, trigger.spec.delivery
        if own is not None and own.dead_letter_sink is not None:
            try:
                found = await self._resolver.resolve(own.dead_letter_sink, trigger)
            except UnresolvedError as err:
                status.mark_dead_letter_sink_failed(_NO_SINK, str(err))
                return False
            status.mark_dead_letter_sink_resolved(found)
            return True
        general, known = broker.spec.delivery, broker.status
        if own is not None or general is None or general.dead_letter_sink is None:
            status.mark_dead_letter_sink_not_configured()
            return True
        if not known.dead_letter_sink_uri:
            reason = f"Broker {broker.metadata.name} didn't set status.deadLetterSinkURI"
            status.mark_dead_letter_sink_failed(reason, "")
            return False
        status.mark_dead_letter_sink_resolved(
            Addressable(
                url=known.dead_letter_sink_uri,
                ca_certs=known.dead_letter_sink_ca_certs,
                audience=known.dead_letter_sink_audience,
            )
        )
        return True

    async def _subscribe(self, trigger: Trigger, broker: Broker) -> None:
        channel = channel_reference(broker)
        if channel is None:
            name = broker.metadata.name
            trigger.status.mark_broker_failed(
                "MissingBrokerChannel",
                f'Failed to get broker "{name}" annotations: Broker.Status.Annotations nil or'
                " missing values",
            )
            return
        want = make_subscription(trigger, broker, channel)
        try:
            found = await self._subscriptions.ensure(want, trigger)
        except UnresolvedError:
            text = f'trigger "{trigger.metadata.name}" does not own subscription'
            name = want.metadata.name
            trigger.status.mark_not_subscribed("SubscriptionNotOwnedByTrigger", f'{text} "{name}"')
        except (ConflictError, NotFoundError):
            raise
        except APIStatusError as err:
            trigger.status.mark_not_subscribed("NotSubscribed", err.message)
            raise
        else:
            trigger.status.propagate_subscription(found.status.condition(READY))
