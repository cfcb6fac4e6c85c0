"""``serving.knative.dev``: Services, the Configurations and Routes they stand for, Revisions.

Models, defaults, validation, conversion and conditions; what keeps the world in line with them is
``wakeful.reconciler.serving``.
"""

from wakeful.apis.serving.configuration_lifecycle import (
    CONFIGURATION_CONDITIONS,
    ConfigurationStatus,
)
from wakeful.apis.serving.configuration_types import Configuration, ConfigurationSpec
from wakeful.apis.serving.domainmapping_lifecycle import (
    DOMAINMAPPING_CONDITIONS,
    DomainMappingStatus,
)
from wakeful.apis.serving.domainmapping_types import (
    DomainMapping,
    DomainMappingSpec,
)
from wakeful.apis.serving.register import RoutingState
from wakeful.apis.serving.resources import RESOURCES
from wakeful.apis.serving.revision_lifecycle import (
    REVISION_CONDITIONS,
    ContainerImage,
    RevisionStatus,
)
from wakeful.apis.serving.revision_types import Revision, RevisionSpec, RevisionTemplateSpec
from wakeful.apis.serving.route_lifecycle import ROUTE_CONDITIONS, RouteStatus
from wakeful.apis.serving.route_types import Route, RouteSpec
from wakeful.apis.serving.service_lifecycle import SERVICE_CONDITIONS, ServiceStatus
from wakeful.apis.serving.service_types import Service, ServiceSpec
from wakeful.apis.serving.traffic_types import TrafficTarget

__all__ = [
    "CONFIGURATION_CONDITIONS",
    "DOMAINMAPPING_CONDITIONS",
    "RESOURCES",
    "REVISION_CONDITIONS",
    "ROUTE_CONDITIONS",
    "SERVICE_CONDITIONS",
    "Configuration",
    "ConfigurationSpec",
    "ConfigurationStatus",
    "ContainerImage",
    "DomainMapping",
    "DomainMappingSpec",
    "DomainMappingStatus",
    "Revision",
    "RevisionSpec",
    "RevisionStatus",
    "RevisionTemplateSpec",
    "Route",
    "RouteSpec",
    "RouteStatus",
    "RoutingState",
    "Service",
    "ServiceSpec",
    "ServiceStatus",
    "TrafficTarget",
]
