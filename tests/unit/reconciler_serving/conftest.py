from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from wakeful.apimachinery.meta import owner_reference
from wakeful.apis.serving import Configuration, Revision, Route, Service


@pytest.fixture
def service() -> Service:
    """A Service as the server stores it."""
    return Service.from_wire(
        {
            "metadata": {
                "name": "hello",
                "namespace": "default",
                "uid": "svc-uid",
                "generation": 1,
                "labels": {"team": "blue"},
                "annotations": {
                    "kubectl.kubernetes.io/last-applied-configuration": "{}",
                    "serving.knative.dev/rollout-duration": "10s",
                    "serving.knative.dev/creator": "alice",
                },
            },
            "spec": {
                "template": {"spec": {"containers": [{"image": "busybox"}]}},
                "traffic": [
                    {"latestRevision": True, "percent": 90},
                    {
                        "revisionName": "hello-00001",
                        "latestRevision": False,
                        "percent": 10,
                        "tag": "old",
                    },
                ],
            },
        }
    )


@pytest.fixture
def configuration() -> Configuration:
    """The third generation of a Configuration."""
    return Configuration.from_wire(
        {
            "metadata": {
                "name": "hello",
                "namespace": "default",
                "uid": "cfg-uid",
                "generation": 3,
                "labels": {
                    "serving.knative.dev/service": "hello",
                    "serving.knative.dev/serviceUID": "svc-uid",
                },
                "annotations": {"serving.knative.dev/lastModifier": "alice"},
            },
            "spec": {
                "template": {
                    "metadata": {"labels": {"app": "web"}, "annotations": {"note": "x"}},
                    "spec": {"containers": [{"image": "busybox"}]},
                }
            },
        }
    )


@pytest.fixture
def make_revision(configuration: Configuration) -> Callable[..., Revision]:
    """Build Revisions of the Configuration."""

    def build(name: str, generation: int, *, ready: str = "True", **spec: Any) -> Revision:
        revision = Revision.from_wire(
            {
                "metadata": {
                    "name": name,
                    "namespace": "default",
                    "uid": f"{name}-uid",
                    "generation": 1,
                    "labels": {
                        "serving.knative.dev/configuration": "hello",
                        "serving.knative.dev/configurationGeneration": str(generation),
                        "serving.knative.dev/service": "hello",
                        "serving.knative.dev/routingState": "active",
                    },
                },
                "spec": {"containers": [{"name": "user-container", "image": "busybox"}]} | spec,
                "status": {
                    "observedGeneration": 1,
                    "conditions": [{"type": "Ready", "status": ready}],
                },
            }
        )
        revision.metadata.owner_references = [owner_reference(configuration)]
        return revision

    return build


@pytest.fixture
def make_route() -> Callable[..., Route]:
    """Build Routes from their traffic."""

    def build(*traffic: dict[str, Any], **metadata: Any) -> Route:
        return Route.from_wire(
            {
                "metadata": {"name": "hello", "namespace": "default", "generation": 1} | metadata,
                "spec": {"traffic": list(traffic)},
            }
        )

    return build
