"""Give a channel its host name, and report what the event process does with it."""

from __future__ import annotations

from wakeful.apimachinery.conditions import FALSE, TRUE, UNKNOWN
from wakeful.apimachinery.errors import TerminalError
from wakeful.apimachinery.meta import NamespacedName, is_controlled_by
from wakeful.apis.core import Service as KubeService
from wakeful.apis.duck import SubscriberStatus
from wakeful.apis.duck.lifecycle import mark_policies_not_enforced
from wakeful.apis.messaging import NatsJetStreamChannelStatus
from wakeful.apis.messaging.dataplane_role import (
    EventDataPlane,
    PhysicalChannel,
    ServingPhase,
    ServingState,
    is_starting,
)
from wakeful.apis.messaging.physicalchannel_lifecycle import DISPATCHER_READY
from wakeful.client import Client, Lister
from wakeful.reconciler.eventing import DestinationResolver
from wakeful.reconciler.eventing.deadlettersink import resolve_dead_letter_sink
from wakeful.reconciler.messaging.channelobjects import group_by_uid
from wakeful.reconciler.messaging.physicalchannel.resources import (
    channel_address,
    make_service,
    service_name,
)
from wakeful.reconciler.serving.children import Children

_READY = {ServingPhase.SERVED: TRUE, ServingPhase.PENDING: UNKNOWN, ServingPhase.REFUSED: FALSE}


class PhysicalChannelReconciler:
    """The stream itself is the event process's affair, which watches the same objects."""

    def __init__(
        self,
        client: Client,
        children: Children,
        services: Lister[KubeService],
        resolver: DestinationResolver,
        plane: EventDataPlane,
        gateway: str,
    ) -> None:
        self._client, self._children, self._services = client, children, services
        self._resolver, self._plane, self._gateway = resolver, plane, gateway

    async def reconcile_kind(self, channel: PhysicalChannel) -> None:
        """Bring Service and status in line."""
        self._resolver.forget(channel.key)
        status = channel.status
        mark_policies_not_enforced(status)
        await self._reconcile_service(channel)
        status.mark_channel_service_ready()
        health = self._plane.health()
        before = status.condition(DISPATCHER_READY)
        if not (is_starting(health) and before is not None and before.is_true):
            self._mark_plane(channel, health, self._plane.channel_state(channel))
        await resolve_dead_letter_sink(
            self._resolver, channel, channel.spec.delivery, channel.status
        )
        status.set_address(channel_address(channel))
        status.set_subscribers(self._subscriber_status(channel))

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody asks for its references any more."""
        self._resolver.forget(key)

    async def _reconcile_service(self, channel: PhysicalChannel) -> None:
        meta = channel.metadata
        want, name = make_service(channel, self._gateway), service_name(meta.name)
        have = self._services.get(name, meta.namespace)
        if have is None:
            have = await self._children.create(channel, want)
        if not is_controlled_by(have, channel):
            message = f'{channel.gvk.kind} {channel.key} does not own Service "{name}"'
            channel.status.set_address(None)
            channel.status.mark_channel_service_failed("ChannelServiceFailed", message)
            raise TerminalError(message)
        same = (have.spec.type, have.spec.external_name) == (want.spec.type, self._gateway)
        if not same:
            await self._client.update(have.model_copy(update={"spec": want.spec}))

    def _mark_plane(
        self, channel: PhysicalChannel, health: ServingState, state: ServingState
    ) -> None:
        status = channel.status
        if isinstance(status, NatsJetStreamChannelStatus):
            _mark_stream(status, state)
            worst = health
        else:
            worst = health if health.phase is not ServingPhase.SERVED else state
        reason = worst.reason or "DispatcherNotReady"
        match worst.phase:
            case ServingPhase.SERVED:
                status.mark_dispatcher_ready()
            case ServingPhase.PENDING:
                status.mark_dispatcher_unknown(reason, worst.message)
            case ServingPhase.REFUSED:
                status.mark_dispatcher_failed(reason, worst.message)

    def _subscriber_status(self, channel: PhysicalChannel) -> list[SubscriberStatus]:
        found: list[SubscriberStatus] = []
        known = group_by_uid(channel.status.subscribers)
        starting = is_starting(self._plane.health())
        for subscriber in channel.spec.subscribers:
            before = known.get(subscriber.uid)
            if starting and before and before.observed_generation == subscriber.generation:
                found.append(before)
                continue
            state = self._plane.subscriber_state(channel, subscriber)
            found.append(
                SubscriberStatus(
                    uid=subscriber.uid,
                    observed_generation=subscriber.generation,
                    ready=_READY[state.phase],
                    message=state.message,
                )
            )
        return found


def _mark_stream(status: NatsJetStreamChannelStatus, state: ServingState) -> None:
    match state.phase:
        case ServingPhase.SERVED:
            status.mark_stream_ready()
        case ServingPhase.PENDING:
            status.mark_stream_unknown(state.reason or "StreamPending", state.message)
        case ServingPhase.REFUSED:
            status.mark_stream_failed(state.reason or "StreamFailed", state.message)
