"""How the kinds of Serving are served."""

from __future__ import annotations

from collections.abc import Callable

from wakeful.apimachinery.scheme import READINESS, AnyDict, Column, Resource, ServedVersion
from wakeful.apis.serving import register
from wakeful.apis.serving.configuration_conversion import configuration_to_hub
from wakeful.apis.serving.configuration_defaults import set_configuration_defaults
from wakeful.apis.serving.configuration_types import Configuration
from wakeful.apis.serving.configuration_validation import validate_configuration
from wakeful.apis.serving.domainmapping_defaults import set_domainmapping_defaults
from wakeful.apis.serving.domainmapping_types import DomainMapping
from wakeful.apis.serving.domainmapping_validation import validate_domainmapping
from wakeful.apis.serving.revision_conversion import revision_to_hub
from wakeful.apis.serving.revision_defaults import set_revision_defaults
from wakeful.apis.serving.revision_types import Revision
from wakeful.apis.serving.revision_validation import validate_revision
from wakeful.apis.serving.route_conversion import route_to_hub
from wakeful.apis.serving.route_defaults import set_route_defaults
from wakeful.apis.serving.route_types import Route
from wakeful.apis.serving.route_validation import validate_route
from wakeful.apis.serving.service_conversion import service_to_hub
from wakeful.apis.serving.service_defaults import set_service_defaults
from wakeful.apis.serving.service_types import Service
from wakeful.apis.serving.service_validation import validate_service

_CATEGORIES = ("all", "knative", "serving")
_ADDRESSABLE = {"duck.knative.dev/addressable": "true"}
_PODSPECABLE = {"duck.knative.dev/podspecable": "true"}

_URL = Column("URL", ".status.url")
_LATEST = (
    Column("LatestCreated", ".status.latestCreatedRevisionName"),
    Column("LatestReady", ".status.latestReadyRevisionName"),
)


def _older(to_hub: Callable[[AnyDict], AnyDict]) -> tuple[ServedVersion, ...]:
    """The two versions of 2019, v1beta1 with today's shape, v1alpha1 with older ones besides."""
    return ServedVersion("v1beta1"), ServedVersion("v1alpha1", to_hub=to_hub)


RESOURCES = (
    Resource(
        Service,
        plural="services",
        singular="service",
        short_names=("kservice", "ksvc"),
        categories=_CATEGORIES,
        has_status=True,
        columns=(_URL, *_LATEST, *READINESS),
        served_versions=_older(service_to_hub),
        set_defaults=set_service_defaults,
        validate=validate_service,
        webhook=register.WEBHOOK,
        labels=_ADDRESSABLE | _PODSPECABLE,
    ),
    Resource(
        Configuration,
        plural="configurations",
        singular="configuration",
        short_names=("config", "cfg"),
        categories=_CATEGORIES,
        has_status=True,
        columns=(*_LATEST, *READINESS),
        served_versions=_older(configuration_to_hub),
        set_defaults=set_configuration_defaults,
        validate=validate_configuration,
        webhook=register.WEBHOOK,
        labels=_PODSPECABLE,
    ),
    Resource(
        Revision,
        plural="revisions",
        singular="revision",
        short_names=("rev",),
        categories=_CATEGORIES,
        has_status=True,
        columns=(
            Column("Config Name", ".metadata.labels['serving\\.knative\\.dev/configuration']"),
            Column("K8S Service Name", ".status.serviceName"),
            Column(
                "Generation",
                ".metadata.labels['serving\\.knative\\.dev/configurationGeneration']",
            ),
            *READINESS,
            Column("Actual Replicas", ".status.actualReplicas", type="integer"),
            Column("Desired Replicas", ".status.desiredReplicas", type="integer"),
        ),
        served_versions=_older(revision_to_hub),
        set_defaults=set_revision_defaults,
        validate=validate_revision,
        webhook=register.WEBHOOK,
    ),
    Resource(
        Route,
        plural="routes",
        singular="route",
        short_names=("rt",),
        categories=_CATEGORIES,
        has_status=True,
        columns=(_URL, *READINESS),
        served_versions=_older(route_to_hub),
        set_defaults=set_route_defaults,
        validate=validate_route,
        webhook=register.WEBHOOK,
        labels=_ADDRESSABLE,
    ),
    Resource(
        DomainMapping,
        plural="domainmappings",
        singular="domainmapping",
        short_names=("dm",),
        categories=_CATEGORIES,
        has_status=True,
        columns=(_URL, *READINESS),
        set_defaults=set_domainmapping_defaults,
        validate=validate_domainmapping,
        webhook=register.WEBHOOK,
    ),
)
