"""How the kinds of event sources are served, those of today and those of 2019."""

from __future__ import annotations

from wakeful.apimachinery.scheme import AGE, READINESS, Column, Resource, ServedVersion
from wakeful.apis.sources import alibaba_types as alibaba
from wakeful.apis.sources import event_types, register
from wakeful.apis.sources import legacy_containersource as legacy_container
from wakeful.apis.sources.apiserversource_conversion import apiserversource_to_hub
from wakeful.apis.sources.apiserversource_rules import (
    set_apiserversource_defaults,
    validate_apiserversource,
)
from wakeful.apis.sources.apiserversource_types import ApiServerSource
from wakeful.apis.sources.containersource_rules import (
    set_containersource_defaults,
    validate_containersource,
)
from wakeful.apis.sources.containersource_types import ContainerSource
from wakeful.apis.sources.githubbinding_types import (
    GitHubBinding,
    set_githubbinding_defaults,
    validate_githubbinding,
)
from wakeful.apis.sources.githubsource_rules import validate_githubsource
from wakeful.apis.sources.githubsource_types import GitHubSource
from wakeful.apis.sources.kafka_resources import KAFKA_OF_2019, KAFKA_TODAY
from wakeful.apis.sources.legacy_apiserversource import (
    LegacyApiServerSource,
    validate_legacy_apiserversource,
)
from wakeful.apis.sources.legacy_cronjobsource import CronJobSource, validate_cronjobsource
from wakeful.apis.sources.legacy_githubsource import (
    LegacyGitHubSource,
    validate_legacy_githubsource,
)
from wakeful.apis.sources.pingsource_conversion import (
    json_data_from_hub,
    json_data_to_hub,
    v1alpha1_to_hub,
)
from wakeful.apis.sources.pingsource_rules import set_pingsource_defaults, validate_pingsource
from wakeful.apis.sources.pingsource_types import PingSource
from wakeful.apis.sources.sinkbinding_rules import set_sinkbinding_defaults, validate_sinkbinding
from wakeful.apis.sources.sinkbinding_types import SinkBinding

_SINK = Column("Sink", ".status.sinkUri")
_DEPRECATED = "sources.knative.dev/v1beta2 PingSource is deprecated; use v1"

TODAY = (
    Resource(
        ApiServerSource,
        plural="apiserversources",
        categories=register.CATEGORIES,
        has_status=True,
        columns=(_SINK, AGE, *READINESS),
        served_versions=(
            ServedVersion("v1beta1"),
            ServedVersion("v1alpha2"),
            ServedVersion("v1alpha1", to_hub=apiserversource_to_hub),
        ),
        set_defaults=set_apiserversource_defaults,
        validate=validate_apiserversource,
        webhook=register.WEBHOOK,
        labels=register.SOURCE_LABELS,
        annotations=event_types.describe_apiserver_events(),
    ),
    Resource(
        PingSource,
        plural="pingsources",
        categories=register.CATEGORIES,
        has_status=True,
        columns=(_SINK, Column("Schedule", ".spec.schedule"), AGE, *READINESS),
        served_versions=(
            ServedVersion("v1beta2", deprecation=_DEPRECATED),
            ServedVersion("v1beta1", json_data_to_hub, json_data_from_hub),
            ServedVersion("v1alpha2", json_data_to_hub, json_data_from_hub),
            ServedVersion("v1alpha1", v1alpha1_to_hub),
        ),
        set_defaults=set_pingsource_defaults,
        validate=validate_pingsource,
        webhook=register.WEBHOOK,
        labels=register.SOURCE_LABELS,
        annotations=event_types.describe_ping_events(),
    ),
    Resource(
        ContainerSource,
        plural="containersources",
        categories=register.CATEGORIES,
        has_status=True,
        columns=(_SINK, AGE, *READINESS),
        served_versions=(ServedVersion("v1beta1"), ServedVersion("v1alpha2")),
        set_defaults=set_containersource_defaults,
        validate=validate_containersource,
        webhook=register.WEBHOOK,
        labels=register.SOURCE_LABELS,
    ),
    Resource(
        SinkBinding,
        plural="sinkbindings",
        categories=(*register.CATEGORIES, "bindings"),
        has_status=True,
        columns=(_SINK, AGE, *READINESS),
        served_versions=(
            ServedVersion("v1beta1"),
            ServedVersion("v1alpha2"),
            ServedVersion("v1alpha1"),
        ),
        set_defaults=set_sinkbinding_defaults,
        validate=validate_sinkbinding,
        webhook=register.WEBHOOK,
        labels=register.SOURCE_LABELS | register.BINDING_LABELS,
    ),
    Resource(
        GitHubSource,
        plural="githubsources",
        categories=register.LEGACY_CATEGORIES,
        has_status=True,
        columns=(*READINESS, _SINK, AGE),
        validate=validate_githubsource,
        webhook=register.WEBHOOK,
        labels=register.SOURCE_LABELS,
        annotations=event_types.describe_github_events(),
    ),
)

BINDINGS = (
    Resource(
        GitHubBinding,
        plural="githubbindings",
        categories=(*register.LEGACY_CATEGORIES, "bindings"),
        has_status=True,
        columns=READINESS,
        set_defaults=set_githubbinding_defaults,
        validate=validate_githubbinding,
        webhook=register.WEBHOOK,
        labels=register.BINDING_LABELS,
    ),
)

OF_2019 = (
    Resource(
        LegacyApiServerSource,
        plural="apiserversources",
        categories=register.LEGACY_CATEGORIES,
        has_status=True,
        columns=(READINESS[0], AGE),
        validate=validate_legacy_apiserversource,
        webhook=register.WEBHOOK,
        labels=register.SOURCE_LABELS,
        annotations=event_types.describe_apiserver_events(),
    ),
    Resource(
        CronJobSource,
        plural="cronjobsources",
        categories=register.LEGACY_CATEGORIES,
        has_status=True,
        columns=(READINESS[0], AGE),
        validate=validate_cronjobsource,
        webhook=register.WEBHOOK,
        labels=register.SOURCE_LABELS,
        annotations=event_types.describe_cronjob_events(),
    ),
    Resource(
        legacy_container.LegacyContainerSource,
        plural="containersources",
        categories=register.LEGACY_CATEGORIES,
        has_status=True,
        columns=(AGE,),
        set_defaults=legacy_container.set_legacy_containersource_defaults,
        validate=legacy_container.validate_legacy_containersource,
        webhook=register.WEBHOOK,
        labels=register.SOURCE_LABELS,
    ),
    Resource(
        LegacyGitHubSource,
        plural="githubsources",
        categories=register.LEGACY_CATEGORIES,
        has_status=True,
        columns=(AGE,),
        validate=validate_legacy_githubsource,
        webhook=register.WEBHOOK,
        labels=register.SOURCE_LABELS,
        annotations=event_types.describe_github_events(),
    ),
    Resource(
        alibaba.MnsOssSource,
        plural="mnsosssources",
        categories=register.LEGACY_CATEGORIES,
        has_status=True,
        columns=(*READINESS, AGE),
        validate=alibaba.validate_mnsosssource,
        webhook=register.WEBHOOK,
        labels=register.SOURCE_LABELS,
    ),
    Resource(
        alibaba.AliTablestoreSource,
        plural="alitablestoresources",
        categories=register.LEGACY_CATEGORIES,
        has_status=True,
        columns=(*READINESS, AGE),
        validate=alibaba.validate_alitablestoresource,
        webhook=register.WEBHOOK,
        labels=register.SOURCE_LABELS,
    ),
)

RESOURCES: tuple[Resource, ...] = (
    *TODAY,
    *KAFKA_TODAY,
    *BINDINGS,
    *OF_2019,
    *KAFKA_OF_2019,
)
