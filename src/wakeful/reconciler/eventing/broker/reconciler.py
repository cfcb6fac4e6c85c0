"""Give a Broker its channel and its address."""

from __future__ import annotations

from wakeful.apimachinery.errors import APIStatusError, TerminalError
from wakeful.apimachinery.meta import NamespacedName, is_controlled_by
from wakeful.apis.core import ConfigMap
from wakeful.apis.duck.lifecycle import mark_policies_not_enforced
from wakeful.apis.eventing import Broker
from wakeful.apis.eventing.broker_lifecycle import INGRESS_READY
from wakeful.apis.eventing.config import parse_channel_template
from wakeful.apis.messaging import ChannelObject, ChannelTemplateSpec
from wakeful.apis.messaging.dataplane_role import EventDataPlane, ServingPhase, is_starting
from wakeful.client import Lister
from wakeful.reconciler.eventing.broker.resources import (
    broker_address,
    channel_annotations,
    channel_labels,
    channel_name,
    channel_reference,
    check_carried,
    status_annotations,
)
from wakeful.reconciler.eventing.deadlettersink import resolve_dead_letter_sink
from wakeful.reconciler.eventing.destinations import DestinationResolver
from wakeful.reconciler.eventing.references import UnresolvedError
from wakeful.reconciler.messaging.channelobjects import ChannelObjects

_NO_SINK = "Unable to get the dead letter sink's URI"


class BrokerReconciler:
    """One channel for each Broker; ingress and filter are the event process's."""

    def __init__(
        self,
        channels: ChannelObjects,
        config_maps: Lister[ConfigMap],
        resolver: DestinationResolver,
        plane: EventDataPlane,
    ) -> None:
        self._channels, self._config_maps = channels, config_maps
        self._resolver, self._plane = resolver, plane

    async def reconcile_kind(self, broker: Broker) -> None:
        """Bring channel and status in line."""
        self._resolver.forget(broker.key)
        status = broker.status
        mark_policies_not_enforced(status)
        self._mark_plane(broker)
        channel = await self._ensure_channel(broker)
        await resolve_dead_letter_sink(
            self._resolver, broker, broker.spec.delivery, broker.status, reason=_NO_SINK
        )
        address = channel.status.address
        if address is None or not address.url:
            status.mark_trigger_channel_failed("NoAddress", "Channel does not have an address.")
            status.mark_addressable_unknown("NoAddress", "Channel does not have an address.")
            return
        status.annotations = status.annotations | status_annotations(channel)
        status.mark_trigger_channel_ready()
        status.set_address(broker_address(broker))

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody asks for its references any more."""
        self._resolver.forget(key)

    def _mark_plane(self, broker: Broker) -> None:
        health = self._plane.health()
        before = broker.status.condition(INGRESS_READY)
        if is_starting(health) and before is not None and before.is_true:
            return
        reason = health.reason or "EndpointSlicesUnavailable"
        message = health.message or "EndpointSlices are unavailable."
        match health.phase:
            case ServingPhase.SERVED:
                broker.status.mark_data_plane_ready()
            case ServingPhase.PENDING:
                broker.status.mark_data_plane_unknown(reason, message)
            case ServingPhase.REFUSED:
                broker.status.mark_data_plane_failed(reason, message)

    async def _ensure_channel(self, broker: Broker) -> ChannelObject:
        meta = broker.metadata
        try:
            want = self._channels.make(
                self._template(broker),
                broker,
                channel_name(meta.name),
                delivery=broker.spec.delivery,
                labels=channel_labels(broker),
                annotations=channel_annotations(meta.annotations),
            )
            check_carried(want)
        except (UnresolvedError, ValueError) as err:
            text = f"Error on setting up the ChannelTemplate: {err}"
            broker.status.mark_trigger_channel_failed("ChannelTemplateFailed", text)
            raise TerminalError(text) from err
        try:
            return await self._channels.ensure(want, broker)
        except UnresolvedError as err:
            broker.status.mark_trigger_channel_failed("ChannelFailure", str(err))
            raise TerminalError(str(err)) from err
        except APIStatusError as err:
            broker.status.mark_trigger_channel_failed("ChannelFailure", err.message)
            raise

    def _template(self, broker: Broker) -> ChannelTemplateSpec:
        """What kind of channel the Broker has, or is to get.

        A Broker keeps the channel it has when the default changes: events wait in it.

        Raises:
            ValueError: Nobody says, or nobody can tell.
        """
        if broker.spec.channel_template_spec is not None:
            return broker.spec.channel_template_spec
        template = self._configured(broker)
        ref = channel_reference(broker)
        if ref is None or (ref.gvk.group, ref.kind) == (template.gvk.group, template.kind):
            return template
        key = NamespacedName(broker.metadata.namespace, ref.name)
        try:
            have = self._channels.find(ref.gvk, key)
        except UnresolvedError:
            return template
        if have is None or not is_controlled_by(have.obj, broker):
            return template
        return ChannelTemplateSpec(api_version=ref.api_version, kind=ref.kind)

    def _configured(self, broker: Broker) -> ChannelTemplateSpec:
        config = broker.spec.config
        if config is None:
            raise ValueError("failed to find channelTemplate")
        if config.kind != "ConfigMap":
            raise ValueError(
                "Broker.Spec.Config configuration not supported, only [kind: ConfigMap,"
                " apiVersion: v1]"
            )
        if not config.namespace or not config.name:
            raise ValueError("Broker.Spec.Config name and namespace are required")
        found = self._config_maps.get(config.name, config.namespace)
        if found is None:
            raise ValueError(f'configmaps "{config.name}" not found')
        return parse_channel_template(found.data)
