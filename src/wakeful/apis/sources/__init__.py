"""``sources.knative.dev``, and ``sources.eventing.knative.dev`` of 2019: where events come from.

Models, defaults, validation, conversion and conditions. A model of either group has ``wanted``, its
spec in today's shape, so that what runs them need not know which group it was. Resolving sinks is
in ``wakeful.reconciler.sources``, sending events in ``wakeful.eventing.sources``.
"""

from wakeful.apis.sources.adapter_role import Adapters, AdapterState, SourceKey
from wakeful.apis.sources.alibaba_types import AliTablestoreSource, MnsOssSource
from wakeful.apis.sources.apiserversource_types import (
    ApiServerSource,
    ApiServerSourceSpec,
    ApiServerSourceStatus,
    APIVersionKind,
    APIVersionKindSelector,
    EventMode,
)
from wakeful.apis.sources.containersource_types import (
    ContainerSource,
    ContainerSourceSpec,
    ContainerSourceStatus,
)
from wakeful.apis.sources.githubbinding_types import (
    GitHubBinding,
    GitHubBindingSpec,
    GitHubBindingStatus,
)
from wakeful.apis.sources.githubsource_types import (
    GitHubSource,
    GitHubSourceSpec,
    GitHubSourceStatus,
    SecretValueFromSource,
)
from wakeful.apis.sources.kafka_lifecycle import KafkaSourceStatus
from wakeful.apis.sources.kafka_types import KafkaSource, KafkaSourceSpec
from wakeful.apis.sources.legacy_apiserversource import LegacyApiServerSource
from wakeful.apis.sources.legacy_containersource import LegacyContainerSource
from wakeful.apis.sources.legacy_cronjobsource import CronJobSource
from wakeful.apis.sources.legacy_githubsource import LegacyGitHubSource
from wakeful.apis.sources.legacy_kafkasource import LegacyKafkaSource
from wakeful.apis.sources.pingsource_types import PingSource, PingSourceSpec, PingSourceStatus
from wakeful.apis.sources.resources import RESOURCES
from wakeful.apis.sources.sinkbinding_types import (
    SinkBinding,
    SinkBindingSpec,
    SinkBindingStatus,
    SubjectReference,
)
from wakeful.apis.sources.source_lifecycle import AdapterSourceStatus, LivingSourceStatus

__all__ = [
    "RESOURCES",
    "APIVersionKind",
    "APIVersionKindSelector",
    "AdapterSourceStatus",
    "AdapterState",
    "Adapters",
    "AliTablestoreSource",
    "ApiServerSource",
    "ApiServerSourceSpec",
    "ApiServerSourceStatus",
    "ContainerSource",
    "ContainerSourceSpec",
    "ContainerSourceStatus",
    "CronJobSource",
    "EventMode",
    "GitHubBinding",
    "GitHubBindingSpec",
    "GitHubBindingStatus",
    "GitHubSource",
    "GitHubSourceSpec",
    "GitHubSourceStatus",
    "KafkaSource",
    "KafkaSourceSpec",
    "KafkaSourceStatus",
    "LegacyApiServerSource",
    "LegacyContainerSource",
    "LegacyGitHubSource",
    "LegacyKafkaSource",
    "LivingSourceStatus",
    "MnsOssSource",
    "PingSource",
    "PingSourceSpec",
    "PingSourceStatus",
    "SecretValueFromSource",
    "SinkBinding",
    "SinkBindingSpec",
    "SinkBindingStatus",
    "SourceKey",
    "SubjectReference",
]
