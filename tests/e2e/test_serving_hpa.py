"""Scaling by what instances use, and editing a PodAutoscaler, on the running platform."""

from __future__ import annotations

import pytest

from wakeful.testing.platform import until
from wakeful.testing.services import Namespace, a_service

KEY = "autoscaling.knative.dev/"
HPA = {KEY + "class": "hpa.autoscaling.knative.dev"}


@pytest.fixture(scope="module", autouse=True)
def services(namespace: Namespace) -> None:
    small = {"resources": {"requests": {"cpu": "100m"}}}
    memory = HPA | {KEY + "metric": "memory", KEY + "target": "1", KEY + "max-scale": "2"}
    namespace.apply(
        a_service("fat", container=small, annotations=memory),
        a_service("unsaid", annotations=HPA | {KEY + "metric": "cpu", KEY + "target": "70"}),
        a_service("edited", annotations={KEY + "target": "10"}),
    )
    namespace.ready("fat", "unsaid", "edited")


def test_use_is_shown(namespace: Namespace) -> None:

    def pods() -> str:  # the first figures need a moment
        return namespace.kubectl("top", "pods", check=False).out

    until(lambda: "fat-00001-deployment" in pods())
    assert "Mi" in pods()
    selected = namespace.kubectl("top", "pods", "-l", "serving.knative.dev/service=fat").out
    assert "unsaid" not in selected
    assert "%" in namespace.platform.kubectl("top", "nodes").out


def test_use_above_the_target_brings_another_instance(namespace: Namespace) -> None:
    """No program fits into one mebibyte: two instances, as many as are allowed."""
    until(lambda: namespace.ready_pods("fat") == 2)
    shown = namespace.kubectl("get", "hpa", "fat-00001").out
    assert "/1Mi" in shown
    assert "<unknown>" not in shown
    until(lambda: "SuccessfulRescale" in namespace.kubectl("get", "events").out)
    words = namespace.platform.wakeful("explain", "ksvc", "fat", "-n", namespace.name).out
    assert "memory:" in words
    assert "max-scale (maxReplicas) is 2" in words


def test_a_missing_request_is_explained(namespace: Namespace) -> None:
    def active() -> str:
        conditions = namespace.get("hpa", "unsaid-00001")["status"].get("conditions", [])
        return next((c["message"] for c in conditions if c["type"] == "ScalingActive"), "")

    until(lambda: "missing request for cpu" in active())
    words = namespace.platform.wakeful("explain", "hpa", "unsaid-00001", "-n", namespace.name).out
    assert "set resources.requests" in words


def test_an_edited_podautoscaler_is_obeyed_until_the_revision_speaks(namespace: Namespace) -> None:
    name = "edited-00001"
    namespace.kubectl("annotate", "podautoscaler", name, KEY + "min-scale=2")
    until(lambda: namespace.ready_pods("edited") == 2)
    # The revision has been looked at since, and did not take it back.
    until(lambda: namespace.get("revision", name)["status"].get("actualReplicas") == 2)
    assert namespace.get("podautoscaler", name)["metadata"]["annotations"][KEY + "min-scale"] == "2"
    namespace.kubectl("annotate", "revision", name, KEY + "max-scale=4")

    def annotations() -> dict[str, str]:
        return dict(namespace.get("podautoscaler", name)["metadata"]["annotations"])

    until(lambda: annotations().get(KEY + "max-scale") == "4")
    assert KEY + "min-scale" not in annotations()
