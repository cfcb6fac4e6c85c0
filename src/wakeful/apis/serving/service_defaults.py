"""Defaults of a Service."""

from __future__ import annotations

from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.serving.admission import set_user_info
from wakeful.apis.serving.configuration_defaults import set_template_defaults
from wakeful.apis.serving.route_defaults import set_traffic_defaults
from wakeful.apis.serving.service_types import Service
from wakeful.apis.serving.traffic_types import TrafficTarget


def set_service_defaults(service: Service, old: Object | None, context: AdmissionContext) -> None:
    """Fill in the template, send all traffic to the latest Revision, note who asked."""
    if context.subresource == "status":
        return
    before = old.spec if isinstance(old, Service) else None
    set_template_defaults(service.spec, before, service.metadata, context)
    if not service.spec.traffic:
        service.spec.traffic = [TrafficTarget(percent=100, latest_revision=True)]
    set_traffic_defaults(service.spec)
    set_user_info(service, service.spec, before, context)
