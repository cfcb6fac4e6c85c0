from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from wakeful.apimachinery.fields import to_text
from wakeful.apimachinery.scheme import AdmissionContext, Scheme
from wakeful.apis.autoscaling import (
    HPA,
    KPA,
    METRIC_CONDITIONS,
    POD_AUTOSCALER_CONDITIONS,
    RESOURCES,
    Metric,
    PodAutoscaler,
    PodAutoscalerStatus,
)

CLASS, METRIC = "autoscaling.knative.dev/class", "autoscaling.knative.dev/metric"
WIRE: dict[str, Any] = {
    "apiVersion": "autoscaling.internal.knative.dev/v1alpha1",
    "kind": "PodAutoscaler",
    "metadata": {"name": "hello-00001", "namespace": "default"},
    "spec": {
        "containerConcurrency": 10,
        "protocolType": "http1",
        "reachability": "Reachable",
        "scaleTargetRef": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": "hello-00001-deployment",
        },
    },
    "status": {"actualScale": 0, "desiredScale": 0, "serviceName": "hello-00001"},
}


def context(**autoscaler: str) -> AdmissionContext:
    def lookup(name: str, namespace: str = "knative-serving") -> Mapping[str, str]:
        assert (name, namespace) == ("config-autoscaler", "knative-serving")
        return {key.replace("_", "-"): value for key, value in autoscaler.items()}

    return AdmissionContext("CREATE", datetime(2026, 1, 1, tzinfo=UTC), config=lookup)


def autoscaler(**spec: Any) -> PodAutoscaler:
    return PodAutoscaler.from_wire(WIRE | {"spec": WIRE["spec"] | spec})


def resource(model: type[Any]) -> Any:
    return Scheme(RESOURCES).of(model)


def faults(obj: PodAutoscaler | Metric, using: AdmissionContext | None = None) -> str:
    return to_text(resource(type(obj)).validate(obj, None, using or context()))


def test_an_object_survives_the_wire_with_its_zeros() -> None:
    assert PodAutoscaler.from_wire(WIRE).to_wire() == WIRE


def test_the_kinds_are_served_as_upstream_serves_them() -> None:
    kpa, metric = resource(PodAutoscaler), resource(Metric)

    assert (kpa.plural, kpa.short_names) == ("podautoscalers", ("kpa", "pa"))
    assert [c.name for c in kpa.columns] == ["DesiredScale", "ActualScale", "Ready", "Reason"]
    assert (metric.plural, [c.name for c in metric.columns]) == ("metrics", ["Ready", "Reason"])
    assert kpa.has_status
    assert metric.has_status


class TestDefaults:
    def test_class_and_metric_are_named(self) -> None:
        obj = autoscaler()
        resource(PodAutoscaler).set_defaults(obj, None, context())
        assert obj.metadata.annotations == {CLASS: KPA, METRIC: "concurrency"}

    def test_the_cluster_names_the_class(self) -> None:
        obj = autoscaler()
        resource(PodAutoscaler).set_defaults(obj, None, context(pod_autoscaler_class=HPA))
        assert obj.metadata.annotations == {CLASS: HPA, METRIC: "cpu"}

    def test_what_the_user_said_stays(self) -> None:
        obj = autoscaler()
        obj.metadata.annotations = {METRIC: "rps"}
        resource(PodAutoscaler).set_defaults(obj, None, context())
        assert obj.metadata.annotations[METRIC] == "rps"

    def test_a_broken_map_does_not_stop_anybody(self) -> None:
        obj = autoscaler()
        resource(PodAutoscaler).set_defaults(obj, None, context(stable_window="?"))
        assert obj.metadata.annotations[CLASS] == KPA


class TestValidation:
    def test_a_complete_object_passes(self) -> None:
        assert faults(autoscaler()) == ""

    @pytest.mark.parametrize(
        ("spec", "text"),
        [
            (
                {"containerConcurrency": 1001},
                "expected 0 <= 1001 <= 1000: spec.containerConcurrency",
            ),
            ({"protocolType": "spdy"}, "invalid value: spdy: spec.protocolType"),
            ({"scaleTargetRef": {}}, "missing field(s): spec.scaleTargetRef"),
            (
                {"scaleTargetRef": {"apiVersion": "apps/v1", "uid": "1"}},
                "missing field(s): spec.scaleTargetRef.kind, spec.scaleTargetRef.name\n"
                "must not set the field(s): spec.scaleTargetRef.uid",
            ),
        ],
    )
    def test_faults_carry_their_path(self, spec: dict[str, Any], text: str) -> None:
        assert faults(autoscaler(**spec)) == text

    def test_an_empty_spec_is_missing(self) -> None:
        assert faults(PodAutoscaler.from_wire(WIRE | {"spec": {}})) == "missing field(s): spec"
        assert faults(Metric()) == "missing field(s): spec"

    def test_annotations_are_checked_against_the_clusters_limits(self) -> None:
        obj = autoscaler()
        obj.metadata.annotations = {"autoscaling.knative.dev/max-scale": "11"}
        assert faults(obj) == ""
        assert faults(obj, context(max_scale="5", max_scale_limit="10")) == (
            "expected 1 <= 11 <= 10: metadata.annotations.autoscaling.knative.dev/max-scale"
        )


class TestLifecycle:
    def status(self) -> PodAutoscalerStatus:
        status = PodAutoscalerStatus()
        POD_AUTOSCALER_CONDITIONS.manage(status).initialize()
        return status

    def test_ready_needs_all_three(self) -> None:
        status = self.status()
        status.mark_active()
        status.mark_sks_ready()
        assert (ready := status.condition("Ready"))
        assert ready.is_unknown
        status.mark_scale_target_initialized()
        assert (ready := status.condition("Ready"))
        assert ready.is_true

    def test_asleep_is_not_ready_but_stays_initialized(self) -> None:
        status = self.status()
        status.mark_active()
        status.mark_sks_ready()
        status.mark_scale_target_initialized()

        status.mark_inactive("NoTraffic", "The target is not receiving traffic.")

        ready = status.condition("Ready")
        assert ready is not None
        assert (ready.status, ready.reason) == ("False", "NoTraffic")
        assert status.is_inactive
        assert status.is_scale_target_initialized

    def test_a_child_of_somebody_else_is_named(self) -> None:
        status = self.status()
        status.mark_resource_not_owned("ServerlessService", "hello-00001")
        active = status.condition("Active")
        assert active is not None
        assert active.message == (
            'There is an existing ServerlessService "hello-00001" that we do not own.'
        )

    def test_a_metric_has_one_condition(self) -> None:
        metric = Metric()
        METRIC_CONDITIONS.manage(metric.status).initialize()
        metric.status.mark_ready()
        assert [(c.type, c.status) for c in metric.status.conditions] == [("Ready", "True")]
