"""How the kinds of ``messaging.knative.dev`` are served."""

from __future__ import annotations

from wakeful.apimachinery.scheme import ADDRESS, AGE, READINESS, Resource, ServedVersion
from wakeful.apis.messaging import register
from wakeful.apis.messaging.channel_conversion import channelable_from_hub, channelable_to_hub
from wakeful.apis.messaging.channel_defaults import set_channel_defaults, set_channelable_defaults
from wakeful.apis.messaging.channel_types import Channel
from wakeful.apis.messaging.channel_validation import (
    validate_channel,
    validate_inmemorychannel,
    validate_natsjetstreamchannel,
)
from wakeful.apis.messaging.inmemorychannel_types import InMemoryChannel
from wakeful.apis.messaging.kafkachannel_rules import (
    set_kafkachannel_defaults,
    validate_kafkachannel,
)
from wakeful.apis.messaging.kafkachannel_types import KafkaChannel
from wakeful.apis.messaging.natsjetstreamchannel_types import NatsJetStreamChannel
from wakeful.apis.messaging.subscription_conversion import (
    subscription_from_hub,
    subscription_to_hub,
)
from wakeful.apis.messaging.subscription_defaults import set_subscription_defaults
from wakeful.apis.messaging.subscription_types import Subscription
from wakeful.apis.messaging.subscription_validation import validate_subscription

CATEGORIES = ("all", "knative", "messaging")
CHANNEL_CATEGORIES = (*CATEGORIES, "channel")
CHANNEL_LABELS = {register.SUBSCRIBABLE_LABEL: "true", "duck.knative.dev/addressable": "true"}


_OLDER_CHANNELS = (
    ServedVersion("v1beta1"),
    ServedVersion("v1alpha1", to_hub=channelable_to_hub, from_hub=channelable_from_hub),
)

RESOURCES = (
    Resource(
        Channel,
        plural="channels",
        singular="channel",
        short_names=("ch",),
        categories=CHANNEL_CATEGORIES,
        has_status=True,
        columns=(ADDRESS, AGE, *READINESS),
        served_versions=_OLDER_CHANNELS,
        set_defaults=set_channel_defaults,
        validate=validate_channel,
        webhook=register.WEBHOOK,
        labels=CHANNEL_LABELS,
    ),
    Resource(
        InMemoryChannel,
        plural="inmemorychannels",
        singular="inmemorychannel",
        short_names=("imc",),
        categories=CHANNEL_CATEGORIES,
        has_status=True,
        columns=(ADDRESS, AGE, *READINESS),
        served_versions=_OLDER_CHANNELS,
        set_defaults=set_channelable_defaults,
        validate=validate_inmemorychannel,
        webhook=register.WEBHOOK,
        labels=CHANNEL_LABELS,
    ),
    Resource(
        NatsJetStreamChannel,
        plural="natsjetstreamchannels",
        singular="natsjetstreamchannel",
        short_names=("natsjsmc",),
        categories=CHANNEL_CATEGORIES,
        has_status=True,
        columns=(*READINESS, ADDRESS, AGE),
        set_defaults=set_channelable_defaults,
        validate=validate_natsjetstreamchannel,
        webhook=register.WEBHOOK,
        labels=CHANNEL_LABELS,
    ),
    Resource(
        KafkaChannel,
        plural="kafkachannels",
        singular="kafkachannel",
        short_names=("kc",),
        categories=CHANNEL_CATEGORIES,
        has_status=True,
        columns=(*READINESS, ADDRESS, AGE),
        served_versions=(
            ServedVersion("v1"),
            ServedVersion("v1alpha1", to_hub=channelable_to_hub, from_hub=channelable_from_hub),
        ),
        set_defaults=set_kafkachannel_defaults,
        validate=validate_kafkachannel,
        webhook=register.WEBHOOK,
        labels=CHANNEL_LABELS,
    ),
    Resource(
        Subscription,
        plural="subscriptions",
        singular="subscription",
        short_names=("sub",),
        categories=CATEGORIES,
        has_status=True,
        columns=(AGE, *READINESS),
        served_versions=(
            ServedVersion("v1beta1"),
            ServedVersion("v1alpha1", to_hub=subscription_to_hub, from_hub=subscription_from_hub),
        ),
        set_defaults=set_subscription_defaults,
        validate=validate_subscription,
        webhook=register.WEBHOOK,
    ),
)
