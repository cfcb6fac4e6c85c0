"""What the adapter of one KafkaSource has to know. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from wakeful.apis.sources import KafkaSource, LegacyKafkaSource
from wakeful.apis.sources.kafka_types import KEY_TYPE_LABEL, UNORDERED, KafkaNet
from wakeful.eventing.delivery import BackoffPolicy, RetryPolicy
from wakeful.eventing.plan.patience import retry_policy
from wakeful.eventing.sources.kafka.convert import Conversion, KeyType
from wakeful.eventing.sources.target import Target, target_of

PATIENCE = RetryPolicy(
    retries=10,
    backoff=BackoffPolicy.EXPONENTIAL,
    delay_seconds=0.3,
    timeout_seconds=600.0,
)
"""For sources that do not say it themselves."""


@dataclass(frozen=True, slots=True)
class KafkaPlan:
    """Where to consume as whom, and how to deliver what is there."""

    namespace: str
    name: str
    servers: tuple[str, ...]
    net: KafkaNet
    group: str
    topics: tuple[str, ...]
    consumers: int
    ordered: bool
    conversion: Conversion
    target: Target
    dead_letter: Target | None
    patience: RetryPolicy


def plan_kafka(source: KafkaSource | LegacyKafkaSource) -> KafkaPlan | None:
    """What a source asks for; None while its sink is unknown, or where its group begins."""
    spec, status, meta = source.wanted, source.status, source.metadata
    target = target_of(status, spec.ce_overrides, namespace=meta.namespace)
    if target is None or not status.may_consume or spec.consumers == 0:
        return None
    dead_letter = None
    if status.dead_letter_sink_uri:
        dead_letter = Target(
            status.dead_letter_sink_uri,
            status.dead_letter_sink_ca_certs,
            target.extensions,
            meta.namespace,
        )
    return KafkaPlan(
        namespace=meta.namespace,
        name=meta.name,
        servers=tuple(spec.bootstrap_servers),
        net=spec.net,
        group=spec.consumer_group,
        topics=tuple(spec.topics),
        consumers=spec.consumers or 1,
        ordered=spec.ordering != UNORDERED,
        conversion=Conversion(
            f"/apis/v1/namespaces/{meta.namespace}/kafkasources/{meta.name}",
            KeyType(meta.labels.get(KEY_TYPE_LABEL, KeyType.STRING)),
            legacy=isinstance(source, LegacyKafkaSource),
        ),
        target=target,
        dead_letter=dead_letter,
        patience=PATIENCE
        if spec.delivery is None
        else retry_policy(spec.delivery, longest_attempt_seconds=PATIENCE.timeout_seconds),
    )
