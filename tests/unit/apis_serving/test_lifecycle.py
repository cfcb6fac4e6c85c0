from __future__ import annotations

from typing import Any

import pytest

from wakeful.apimachinery.conditions import Condition
from wakeful.apis.autoscaling import PodAutoscalerStatus
from wakeful.apis.serving import (
    REVISION_CONDITIONS,
    ROUTE_CONDITIONS,
    SERVICE_CONDITIONS,
    ConfigurationStatus,
    RevisionStatus,
    RouteStatus,
    ServiceStatus,
)
from wakeful.apis.serving.revision_lifecycle import summarize_deployment


def told(status: Any, kind: str) -> tuple[str, str]:
    condition = status.condition(kind)
    return condition.status, condition.reason


def a_revision() -> RevisionStatus:
    status = RevisionStatus()
    REVISION_CONDITIONS.manage(status).initialize()
    return status


def an_autoscaler(*, initialized: bool, active: str = "True", service: str = "rev") -> Any:
    status = PodAutoscalerStatus(service_name=service, actual_scale=1, desired_scale=-1)
    manager = status.manage()
    manager.initialize()
    if service:
        status.mark_sks_ready()
    if initialized:
        status.mark_scale_target_initialized()
    if active == "True":
        status.mark_active()
    elif active == "False":
        status.mark_inactive("NoTraffic", "The target is not receiving traffic.")
    else:
        status.mark_activating("Queued", "…")
    return status


def test_revision_is_ready_once_its_scale_was_reached() -> None:
    status = a_revision()
    status.mark_deploying()
    status.propagate_autoscaler(an_autoscaler(initialized=True))
    assert told(status, "Ready") == ("True", "")
    assert told(status, "Active") == ("True", "")
    assert status.condition("Active").severity == "Info"
    assert (status.actual_replicas, status.desired_replicas) == (1, None)


def test_revision_scaled_to_zero_stays_ready() -> None:
    status = a_revision()
    status.propagate_autoscaler(an_autoscaler(initialized=True))
    status.propagate_autoscaler(an_autoscaler(initialized=True, active="False"))
    assert told(status, "Ready") == ("True", "")
    assert told(status, "Active") == ("False", "NoTraffic")


def test_ready_deployment_waits_for_the_autoscaler() -> None:
    status = a_revision()
    status.propagate_deployment([Condition(type="Progressing", status="True")])
    assert told(status, "ResourcesAvailable") == ("True", "")
    status.propagate_autoscaler(an_autoscaler(initialized=False, active="Unknown", service=""))
    assert told(status, "ResourcesAvailable") == ("Unknown", "Deploying")


def test_revision_that_never_came_up_failed() -> None:
    status = a_revision()
    status.propagate_autoscaler(an_autoscaler(initialized=False, active="False"))
    assert told(status, "Ready") == ("False", "ProgressDeadlineExceeded")


def test_exit_of_the_container_is_not_painted_over() -> None:
    status = a_revision()
    status.mark_container_exited(5, "no database")
    status.propagate_autoscaler(an_autoscaler(initialized=True))
    assert told(status, "ContainerHealthy") == ("False", "ExitCode5")
    ready = status.condition("Ready")
    assert ready is not None
    assert (ready.status, ready.message) == ("False", "Container failed with: no database")


def test_silent_exit_is_put_into_words() -> None:
    status = a_revision()
    status.mark_container_exited(0, "")
    healthy = status.condition("ContainerHealthy")
    assert healthy is not None
    assert (healthy.reason, healthy.message) == (
        "ExitCode0",
        "Container failed with: container exited with no error",
    )


@pytest.mark.parametrize(
    ("conditions", "summary"),
    [
        ([], ("Unknown", "Deploying", "")),
        ([("Progressing", "True", "", "")], ("True", "", "")),
        (
            [("Progressing", "False", "ProgressDeadlineExceeded", "late")],
            ("False", "ProgressDeadlineExceeded", "late"),
        ),
        (
            [("Progressing", "True", "", ""), ("ReplicaFailure", "True", "FailedCreate", "quota")],
            ("False", "FailedCreate", "quota"),
        ),
    ],
)
def test_deployment_is_summarized(
    conditions: list[tuple[str, str, str, str]], summary: tuple[str, str, str]
) -> None:
    found = [Condition(type=t, status=s, reason=r, message=m) for t, s, r, m in conditions]
    assert summarize_deployment(found) == summary


def test_configuration_is_ready_when_the_newest_revision_is() -> None:
    status = ConfigurationStatus()
    status.set_latest_created("a")
    status.set_latest_ready("a")
    assert told(status, "Ready") == ("True", "")
    status.set_latest_created("b")
    assert told(status, "Ready") == ("Unknown", "")
    status.mark_latest_created_failed("b", "boom")
    ready = status.condition("Ready")
    assert ready is not None
    assert ready.message == 'Revision "b" failed with message: boom.'
    assert status.latest_ready_revision_name == "a"


def test_route_needs_traffic_ingress_and_certificates() -> None:
    status = RouteStatus()
    ROUTE_CONDITIONS.manage(status).initialize()
    status.mark_traffic_assigned()
    status.mark_tls_not_enabled("external-domain-tls is not enabled")
    status.propagate_ingress(None)
    assert told(status, "Ready") == ("Unknown", "IngressNotConfigured")
    status.propagate_ingress(Condition(type="Ready", status="True"))
    assert told(status, "Ready") == ("True", "")
    assert told(status, "CertificateProvisioned") == ("True", "TLSNotEnabled")
    status.mark_bad_target("RevisionMissing", 'Revision "r" is not yet ready.', failed=False)
    assert told(status, "Ready") == ("Unknown", "RevisionMissing")


def test_service_shows_both_children() -> None:
    configuration, route = ConfigurationStatus(), RouteStatus(url="http://a.test", domain="a.test")
    configuration.set_latest_created("a")
    configuration.set_latest_ready("a")
    ROUTE_CONDITIONS.manage(route).initialize()
    status = ServiceStatus()
    SERVICE_CONDITIONS.manage(status).initialize()

    status.propagate_configuration(configuration)
    status.propagate_route(route)

    assert (status.url, status.domain, status.latest_ready_revision_name) == (
        "http://a.test",
        "a.test",
        "a",
    )
    assert told(status, "ConfigurationsReady") == ("True", "")
    assert told(status, "Ready")[0] == "Unknown"
