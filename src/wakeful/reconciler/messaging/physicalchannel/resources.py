"""The host name of a channel. Pure."""

from __future__ import annotations

from wakeful.apimachinery.meta import Object, ObjectMeta, owner_reference
from wakeful.apimachinery.names import child_name
from wakeful.apis.core import Service as KubeService
from wakeful.apis.core.service_types import EXTERNAL_NAME, ServicePort, ServiceSpec
from wakeful.apis.duck import Addressable
from wakeful.apis.messaging import register
from wakeful.apis.serving.register import LOCAL_DOMAIN

_SUFFIX = "-kn-channel"
_ROLES = {
    "InMemoryChannel": "in-memory-channel",
    "NatsJetStreamChannel": "nats-jetstream-channel",
}


def service_name(channel: str) -> str:
    """Name of the Service that stands for a channel."""
    return child_name(channel, _SUFFIX)


def channel_address(channel: Object) -> Addressable:
    """Where events for the channel are sent."""
    meta = channel.metadata
    host = f"{service_name(meta.name)}.{meta.namespace}.{LOCAL_DOMAIN}"
    return Addressable(name="http", url=f"http://{host}")


def make_service(channel: Object, gateway: str) -> KubeService:
    """The Service that leads from the channel's name to the gateway, which knows the way."""
    meta = channel.metadata
    return KubeService(
        metadata=ObjectMeta(
            name=service_name(meta.name),
            namespace=meta.namespace,
            labels={register.ROLE_LABEL: _ROLES.get(channel.gvk.kind, "channel")},
            owner_references=[owner_reference(channel)],
        ),
        spec=ServiceSpec(
            type=EXTERNAL_NAME,
            external_name=gateway,
            ports=[ServicePort(name="http", port=80, protocol="TCP")],
        ),
    )
