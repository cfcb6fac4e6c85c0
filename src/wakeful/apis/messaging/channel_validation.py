"""What is wrong with a channel, of whatever kind."""

from __future__ import annotations

from typing import Protocol

from wakeful.apimachinery.duration import parse_duration
from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    disallowed_fields,
    invalid_value,
    missing_field,
    under,
)
from wakeful.apimachinery.meta import Object, ObjectMeta
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apimachinery.shortdiff import short_diff
from wakeful.apis.duck import ChannelableSpec, load_features, validate_delivery
from wakeful.apis.messaging import register
from wakeful.apis.messaging.channel_template_types import validate_channel_template
from wakeful.apis.messaging.channel_types import Channel
from wakeful.apis.messaging.inmemorychannel_types import InMemoryChannel
from wakeful.apis.messaging.natsjetstreamchannel_types import (
    CONSUMER_TYPES,
    DELIVER_POLICIES,
    DISCARDS,
    REPLAY_POLICIES,
    RETENTIONS,
    STORAGES,
    ConsumerConfigTemplate,
    NatsJetStreamChannel,
    StreamConfig,
)


class Channelable(Protocol):
    """A channel that carries events itself."""

    metadata: ObjectMeta

    @property
    def spec(self) -> ChannelableSpec:
        """Subscribers and delivery."""
        ...


def validate_channel(
    channel: Channel, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault of a Channel."""
    if context.subresource == "status":
        return []
    errors = under("spec", validate_channel_template(channel.spec.channel_template))
    if channel.spec.subscribers:
        errors.append(disallowed_fields("spec.subscribable.subscribers"))
    faults = validate_delivery(channel.spec.delivery, load_features(context.config))
    errors += under("spec.delivery", faults)
    if isinstance(old, Channel):
        before, after = (
            c.spec.model_copy(update={"subscribers": []}).to_wire() for c in (old, channel)
        )
        errors += immutable(before, after, "spec")
    return errors


def immutable(old: object, new: object, *paths: str) -> FieldErrors:
    """The fault of having changed what must stay; nothing when it did stay."""
    diff = short_diff(old, new)
    return [FieldError("Immutable fields changed (-old +new)", paths, diff)] if diff else []


def validate_inmemorychannel(
    channel: InMemoryChannel, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault of an InMemoryChannel."""
    if context.subresource == "status":
        return []
    before = old.spec if isinstance(old, InMemoryChannel) else None
    return validate_channelable(channel, before, context)


def validate_natsjetstreamchannel(
    channel: NatsJetStreamChannel, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault of a NatsJetStreamChannel; its stream cannot be replaced by another one."""
    if context.subresource == "status":
        return []
    spec, before = channel.spec, old.spec if isinstance(old, NatsJetStreamChannel) else None
    errors = validate_channelable(channel, before, context)
    if spec.stream.config is not None:
        errors += under("spec.stream.config", _validate_stream(spec.stream.config))
    if spec.consumer_config_template is not None:
        faults = _validate_consumer(spec.consumer_config_template)
        errors += under("spec.consumerConfigTemplate", faults)
    if before is not None:
        errors += immutable(before.stream.to_wire(), spec.stream.to_wire(), "spec.stream")
    return errors


def validate_channelable(
    channel: Channelable, before: ChannelableSpec | None, context: AdmissionContext
) -> FieldErrors:
    """Faults of what every channel has; subscribers are for the controllers to change."""
    spec = channel.spec
    errors: FieldErrors = []
    for index, subscriber in enumerate(spec.subscribers):
        if not subscriber.reply_uri and not subscriber.subscriber_uri:
            paths = ("replyURI", "subscriberURI")
            fault = FieldError("missing field(s)", paths, "expected at least one of, got none")
            errors.append(fault.under(f"spec.subscribable.subscriber[{index}]"))
    scope = channel.metadata.annotations.get(register.SCOPE)
    if scope not in (None, "cluster", "namespace"):
        path = f"metadata.annotations.[{register.SCOPE}]"
        errors.append(invalid_value(scope, path, "expected either 'cluster' or 'namespace'"))
    errors += under(
        "spec.delivery", validate_delivery(spec.delivery, load_features(context.config))
    )
    if before is not None and context.username not in register.CONTROLLERS:
        errors += _validate_subscribers_change(before, spec, context.username)
    return errors


def _validate_subscribers_change(
    before: ChannelableSpec, after: ChannelableSpec, user: str
) -> FieldErrors:
    old, new = (
        {"subscribers": [subscriber.to_wire() for subscriber in spec.subscribers]}
        for spec in (before, after)
    )
    if old == new:
        return []
    message = (
        f"Channel.Spec.Subscribers changed by user {user} which was not the"
        f" {register.CONTROLLER_ACCOUNT} service account"
    )
    return [FieldError(message, ("spec.subscribers",), short_diff(old, new))]


def _validate_stream(config: StreamConfig) -> FieldErrors:
    errors = [
        *_choice(config.retention, RETENTIONS, "retention"),
        *_choice(config.discard, DISCARDS, "discard"),
        *_choice(config.storage, STORAGES, "storage"),
        *_duration(config.max_age, "maxAge"),
        *_duration(config.duplicate_window, "duplicateWindow"),
    ]
    numbers = (
        ("maxConsumers", config.max_consumers),
        ("maxMsgs", config.max_msgs),
        ("maxBytes", config.max_bytes),
        ("maxMsgSize", config.max_msg_size),
    )
    errors += [
        invalid_value(value, path) for path, value in numbers if value is not None and value < -1
    ]
    if config.replicas is not None and not 0 <= config.replicas <= 5:
        errors.append(invalid_value(config.replicas, "replicas", "expected 1 to 5 replicas"))
    errors += [
        missing_field(f"sources[{index}].name")
        for index, source in enumerate(config.sources)
        if not source.name
    ]
    if config.mirror is not None and not config.mirror.name:
        errors.append(missing_field("mirror.name"))
    return errors


def _validate_consumer(template: ConsumerConfigTemplate) -> FieldErrors:
    errors = [
        *_choice(template.deliver_policy, DELIVER_POLICIES, "deliverPolicy"),
        *_choice(template.replay_policy, REPLAY_POLICIES, "replayPolicy"),
        *_choice(template.consumer_type, CONSUMER_TYPES, "consumerType"),
        *_duration(template.ack_wait, "ackWait"),
        *_duration(template.fetch_max_wait, "fetchMaxWait"),
    ]
    needs = (
        ("ByStartSequence", "optStartSeq", template.opt_start_seq),
        ("ByStartTime", "optStartTime", template.opt_start_time),
    )
    errors += [
        missing_field(path)
        for policy, path, value in needs
        if template.deliver_policy == policy and value is None
    ]
    return errors


def _choice(value: str, choices: tuple[str, ...], path: str) -> FieldErrors:
    if not value or value in choices:
        return []
    return [invalid_value(value, path, f"expected one of {', '.join(choices)}")]


def _duration(value: str, path: str) -> FieldErrors:
    if not value:
        return []
    try:
        fine = parse_duration(value).total_seconds() >= 0
    except ValueError as err:
        return [invalid_value(value, path, str(err))]
    return [] if fine else [invalid_value(value, path, "must not be negative")]
