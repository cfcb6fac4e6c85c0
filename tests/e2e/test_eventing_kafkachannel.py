"""Channels and a Sequence whose events lie in Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from wakeful.testing.kafka import kafka_broker
from wakeful.testing.platform import until
from wakeful.testing.services import AWAKE, Namespace

pytestmark = pytest.mark.usefixtures("unhurried")

MESSAGING, SERVING = "messaging.knative.dev/v1", "serving.knative.dev/v1"
DISPLAY = "gcr.io/knative-releases/knative.dev/eventing/cmd/event_display:latest"
APPENDER = "gcr.io/knative-releases/knative.dev/eventing/cmd/appender:latest"
KAFKA = {"apiVersion": "messaging.knative.dev/v1beta1", "kind": "KafkaChannel"}


def service(name: str, image: str, **env: str) -> dict[str, Any]:
    container = {"image": image, "env": [{"name": k, "value": v} for k, v in env.items()]}
    template = {"metadata": {"annotations": AWAKE}, "spec": {"containers": [container]}}
    meta = {"name": name}
    return {
        "apiVersion": SERVING,
        "kind": "Service",
        "metadata": meta,
        "spec": {"template": template},
    }


def to(name: str) -> dict[str, Any]:
    return {"ref": {"apiVersion": SERVING, "kind": "Service", "name": name}}


@pytest.fixture(scope="module")
def kafka(namespace: Namespace) -> Iterator[Namespace]:
    """A broker that the platform knows of, and services to send to."""
    meta = {"name": "kafka-channel-config", "namespace": "knative-eventing"}
    with kafka_broker() as address:
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
        system = Namespace(namespace.platform, "knative-eventing")
        system.apply(config | {"data": {"bootstrap.servers": address}})
        namespace.apply(service("display", DISPLAY), service("step", APPENDER, MESSAGE=" and more"))
        namespace.ready("display", "step")
        yield namespace
        # Their topics are deleted with them, while there is a broker.
        namespace.kubectl("delete", "sequence,channel,kafkachannel", "--all", "--timeout=100s")
        system.kubectl("delete", "configmap/kafka-channel-config")


def test_channels_and_sequences_in_kafka(kafka: Namespace) -> None:
    meta, template = {"name": "orders"}, {"channelTemplate": KAFKA}
    kafka.apply(
        {"apiVersion": MESSAGING, "kind": "Channel", "metadata": meta, "spec": template},
        {
            "apiVersion": "flows.knative.dev/v1",
            "kind": "Sequence",
            "metadata": {"name": "steps"},
            "spec": template | {"steps": [to("step"), to("step")], "reply": to("display")},
        },
        {
            "apiVersion": MESSAGING,
            "kind": "Subscription",
            "metadata": meta,
            "spec": {
                "channel": {"apiVersion": MESSAGING, "kind": "Channel", "name": "orders"},
                "subscriber": {
                    "ref": {
                        "apiVersion": "flows.knative.dev/v1",
                        "kind": "Sequence",
                        "name": "steps",
                    }
                },
            },
        },
    )
    waits = ("channel/orders", "subscription/orders", "sequence/steps")
    kafka.kubectl("wait", *waits, "--for=condition=Ready", "--timeout=100s")
    names = kafka.kubectl("get", "kafkachannels", "-o", "name").out.split()
    assert sorted(name.rpartition("/")[2] for name in names) == [
        "orders",
        "steps-kn-sequence-0",
        "steps-kn-sequence-1",
    ]
    sent = ("--type", "order", "--id", "o-1", "-d", '{"id": 7, "message": "one"}')
    kafka.platform.wakeful("events", "send", "channel/orders", "-n", kafka.name, *sent)

    def printed() -> str:
        selector = "serving.knative.dev/service=display"
        return kafka.kubectl("logs", "-l", selector, "-c", "user-container", "--tail=-1").out

    until(lambda: '"message": "one and more and more"' in printed())
    assert "  id: o-1\n" in printed()
