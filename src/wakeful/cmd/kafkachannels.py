"""KafkaChannels of one platform: their controller, who reads their topics, who writes them."""

from __future__ import annotations

from wakeful.aio import SystemClock
from wakeful.apis.core import Secret
from wakeful.apis.messaging import KafkaChannel
from wakeful.apis.networking.register import OUR_INGRESS_CLASS
from wakeful.controller import Manager
from wakeful.eventbus.kafka import AioKafkaAdmin
from wakeful.eventing.delivery import Sender
from wakeful.eventing.kafkachannels import (
    KafkaChannelAdapter,
    KafkaChannelReceiver,
    plan_kafka_channel,
)
from wakeful.eventing.sources import AdapterHost
from wakeful.reconciler.messaging.kafkachannel.controller import add_kafkachannel_controller
from wakeful.reconciler.networking import GatewayDomains


def add_kafka_channels(manager: Manager, host: AdapterHost, sender: Sender) -> None:
    """Have ``manager`` and ``host`` run everything they need."""
    admin, secrets = AioKafkaAdmin(), manager.informer(Secret)
    adapter = KafkaChannelAdapter(sender, secrets, admin, SystemClock())
    host.serve(KafkaChannel, plan_kafka_channel, adapter.run)
    manager.add(KafkaChannelReceiver(manager.client, manager.informer(KafkaChannel), secrets))
    add_kafkachannel_controller(
        manager,
        admin,
        adapter,
        host,
        gateway=GatewayDomains().private,
        ingress_class=OUR_INGRESS_CLASS,
    )
