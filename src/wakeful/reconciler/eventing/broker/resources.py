"""What a Broker is made of. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from wakeful.apimachinery.names import child_name
from wakeful.apis.duck import Addressable, KReference
from wakeful.apis.eventing import Broker, register
from wakeful.apis.messaging import ChannelObject, InMemoryChannel, NatsJetStreamChannel
from wakeful.apis.messaging import register as messaging
from wakeful.apis.serving.register import LOCAL_DOMAIN

INGRESS_HOST = f"broker-ingress.{register.SYSTEM_NAMESPACE}.{LOCAL_DOMAIN}"
"""One address takes the events of all Brokers; the path says whose they are."""


def channel_name(broker: str) -> str:
    """Name of the channel in which a Broker's events wait."""
    return child_name(broker, "-kne-trigger")


def channel_labels(broker: Broker) -> dict[str, str]:
    """Labels by which a Broker's channel is known."""
    return {
        register.BROKER_LABEL: broker.metadata.name,
        register.BROKER_EVERYTHING: "true",
    }


def channel_annotations(annotations: Mapping[str, str]) -> dict[str, str]:
    """What a Broker says about its channel, passed on to it."""
    passed = {key: value for key, value in annotations.items() if key.startswith(messaging.GROUP)}
    return {messaging.SCOPE: "cluster"} | passed


def check_carried(channel: ChannelObject) -> None:
    """Refuse channels from which nobody filters.

    Raises:
        ValueError: The event process, which has the filters, does not carry this kind.
    """
    carried = (InMemoryChannel.gvk, NatsJetStreamChannel.gvk)
    if channel.gvk not in carried:
        raise ValueError(
            f"a Broker's events cannot wait in a {channel.gvk.kind} here; use an InMemoryChannel or"
            " a NatsJetStreamChannel"
        )


def broker_address(broker: Broker) -> Addressable:
    """Where events for a Broker are sent."""
    meta = broker.metadata
    return Addressable(name="http", url=f"http://{INGRESS_HOST}/{meta.namespace}/{meta.name}")


def status_annotations(channel: ChannelObject) -> dict[str, str]:
    """How a Broker's status names its channel."""
    address = channel.status.address
    return {
        register.CHANNEL_ADDRESS: address.url if address is not None else "",
        register.CHANNEL_KIND: channel.gvk.kind,
        register.CHANNEL_API_VERSION: channel.gvk.api_version,
        register.CHANNEL_NAME: channel.key.name,
    }


def channel_reference(broker: Broker) -> KReference | None:
    """The channel a Broker's status names; None when it names none."""
    found = broker.status.annotations
    ref = KReference(
        kind=found.get(register.CHANNEL_KIND, ""),
        api_version=found.get(register.CHANNEL_API_VERSION, ""),
        name=found.get(register.CHANNEL_NAME, ""),
    )
    return ref if ref.kind and ref.api_version and ref.name else None
