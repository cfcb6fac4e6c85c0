"""``eventing.knative.dev``: Brokers, the Triggers that read from them, the registry of EventTypes.

Models, defaults, validation, conversion and conditions; what keeps the world in line with them is
``wakeful.reconciler.eventing``, and who carries the events is ``wakeful.eventing``.
"""

from wakeful.apis.eventing.broker_lifecycle import BROKER_CONDITIONS, BrokerStatus
from wakeful.apis.eventing.broker_types import Broker, BrokerSpec
from wakeful.apis.eventing.eventpolicy_types import EventPolicy
from wakeful.apis.eventing.eventtransform_types import (
    EVENTTRANSFORM_CONDITIONS,
    EventTransform,
    EventTransformSpec,
    EventTransformStatus,
    JsonataSpec,
    TransformReply,
)
from wakeful.apis.eventing.eventtype_types import (
    EVENTTYPE_CONDITIONS,
    EventAttributeDefinition,
    EventType,
    EventTypeSpec,
    EventTypeStatus,
)
from wakeful.apis.eventing.resources import RESOURCES
from wakeful.apis.eventing.trigger_lifecycle import TRIGGER_CONDITIONS, TriggerStatus
from wakeful.apis.eventing.trigger_types import (
    SubscriptionsAPIFilter,
    Trigger,
    TriggerFilter,
    TriggerSpec,
)

__all__ = [
    "BROKER_CONDITIONS",
    "EVENTTRANSFORM_CONDITIONS",
    "EVENTTYPE_CONDITIONS",
    "RESOURCES",
    "TRIGGER_CONDITIONS",
    "Broker",
    "BrokerSpec",
    "BrokerStatus",
    "EventAttributeDefinition",
    "EventPolicy",
    "EventTransform",
    "EventTransformSpec",
    "EventTransformStatus",
    "EventType",
    "EventTypeSpec",
    "EventTypeStatus",
    "JsonataSpec",
    "SubscriptionsAPIFilter",
    "TransformReply",
    "Trigger",
    "TriggerFilter",
    "TriggerSpec",
    "TriggerStatus",
]
