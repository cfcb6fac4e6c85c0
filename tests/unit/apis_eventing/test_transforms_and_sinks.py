"""EventTransforms, JobSinks and EventPolicies: defaults and faults."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

TRANSFORM, SINK = "eventing.knative.dev/v1alpha1", "sinks.knative.dev/v1alpha1"
GOOD = {"jsonata": {"expression": '{"type": "x." & type}'}}
TO = {"ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "display"}}


def transform(spec: Any) -> dict[str, Any]:
    return {"apiVersion": TRANSFORM, "kind": "EventTransform", "spec": spec}


def jobsink(job: Any) -> dict[str, Any]:
    return {"apiVersion": SINK, "kind": "JobSink", "spec": {"job": job} if job else {}}


def test_a_transform_keeps_what_it_says(admit: Any) -> None:
    found, denial = admit(transform(GOOD | {"sink": TO, "reply": {"discard": True}}))
    assert denial == ""
    assert found.spec.sink.ref.namespace == "default"
    assert found.spec.jsonata.expression == GOOD["jsonata"]["expression"]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({}, "expected exactly one, got neither: spec.jsonata"),
        (
            {"jsonata": {"expression": "1 +"}},
            "invalid value: 1 +: spec.jsonata.expression\nUnexpected end of expression",
        ),
        (GOOD | {"reply": {}}, "reply is set without spec.sink: spec.reply"),
        (
            GOOD | {"sink": TO, "reply": {"discard": True} | GOOD},
            "expected exactly one, got both: spec.reply.discard, spec.reply.jsonata",
        ),
        (GOOD | {"sink": {}}, "expected at least one, got none: spec.sink.ref, spec.sink.uri"),
    ],
)
def test_faults_of_transforms(admit: Any, spec: Any, text: str) -> None:
    assert admit(transform(spec))[1] == text


def test_a_long_expression_is_refused(admit: Any) -> None:
    denial = admit(transform({"jsonata": {"expression": '"' + "x" * 100_000 + '"'}}))[1]
    assert "at most 100000 bytes" in denial


CONTAINER = {"name": "main", "image": "busybox", "env": [{"name": "A", "value": "b"}]}


def test_jobs_of_a_sink_know_their_mode(admit: Any) -> None:
    template = {"spec": {"containers": [CONTAINER], "restartPolicy": "Never"}}
    found, denial = admit(jobsink({"spec": {"template": template}}))
    assert denial == ""
    assert found.spec.job.to_wire()["spec"]["template"]["spec"]["containers"][0]["env"] == [
        {"name": "A", "value": "b"},
        {"name": "K_EXECUTION_MODE", "value": "batch"},
    ]


@pytest.mark.parametrize(
    ("job", "text"),
    [
        (None, "expected exactly one, got neither: spec.job"),
        ({"spec": {}}, "missing field(s): spec.job.spec.template.spec.containers"),
        (
            {
                "spec": {
                    "backoffLimit": -1,
                    "template": {"spec": {"containers": [CONTAINER], "restartPolicy": "Always"}},
                }
            },
            "spec.job.spec.backoffLimit",
        ),
    ],
)
def test_faults_of_sinks(admit: Any, job: Any, text: str) -> None:
    assert text in admit(jobsink(job))[1]


def test_policies_are_not_accepted_as_long_as_they_are_not_enforced(admit: Any) -> None:
    policy = {"apiVersion": TRANSFORM, "kind": "EventPolicy", "spec": {"from": [{"sub": "a"}]}}
    assert "oidc-authentication feature not enabled" in admit(policy)[1]
    maps = {"config-features": {"authentication-oidc": "enabled"}}
    assert "no policy can be enforced" in admit(policy, maps=maps)[1]


def test_reading_an_expression_leaves_the_recursion_limit_alone() -> None:
    """The library raises it for the whole process when it is loaded."""
    script = (
        "import sys; from wakeful.apis.eventing.eventtransform_rules import _read;"
        "before = sys.getrecursionlimit(); assert _read('a.b') == '';"
        "assert _read('(' * 5000); print(sys.getrecursionlimit() == before)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr
