"""What users see when they apply something that cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.request import APIRequest, Verb
from wakeful.apis.core import ConfigMap
from wakeful.apis.serving import Service
from wakeful.reconciler.serving import admit_config_maps, admit_dry_runs
from wakeful.testing.world import World


@pytest.fixture
async def server(world: World) -> World:
    """The API server with the hook for config maps, nothing else running."""
    guarded = World(world.scheme, hooks=(admit_config_maps, admit_dry_runs))
    await guarded.prepare()
    return guarded


def create(version: str, plural: str, body: dict[str, Any]) -> APIRequest:
    return APIRequest(
        Verb.CREATE, "serving.knative.dev", version, plural, namespace="default", body=body
    )


async def test_denial_reads_as_upstreams(server: World, a_service: Any) -> None:
    service = a_service()
    service.spec.template.spec.timeout_seconds = 601
    with pytest.raises(BadRequestError) as caught:
        await server.client.create(service)
    assert str(caught.value) == (
        'admission webhook "validation.webhook.serving.knative.dev" denied the request:'
        " validation failed: expected 0 <= 601 <= 600: spec.template.spec.timeoutSeconds"
    )


@pytest.mark.parametrize("version", ["v1alpha1", "v1beta1", "v1"])
async def test_book_shape_is_accepted_in_every_version(server: World, version: str) -> None:
    body = {
        "apiVersion": f"serving.knative.dev/{version}",
        "kind": "Service",
        "metadata": {"name": "autoscale-go", "namespace": "default"},
        "spec": {
            "template": {
                "metadata": {
                    "labels": {"app": "autoscale-go"},
                    "annotations": {"autoscaling.knative.dev/target": "10"},
                },
                "spec": {"containers": [{"image": "registry.test/autoscale-go:0.1"}]},
            }
        },
    }
    answer = await server.client.transport.call(create(version, "services", body))
    assert answer["apiVersion"] == f"serving.knative.dev/{version}"
    stored = await server.find(Service, "autoscale-go")
    assert stored is not None
    assert stored.spec.template.spec.timeout_seconds == 300


async def test_old_shape_is_stored_as_todays(server: World) -> None:
    body = {
        "apiVersion": "serving.knative.dev/v1alpha1",
        "kind": "Service",
        "metadata": {"name": "old", "namespace": "default"},
        "spec": {
            "runLatest": {
                "configuration": {
                    "revisionTemplate": {
                        "spec": {
                            "container": {"image": "busybox"},
                            "concurrencyModel": "Single",
                        }
                    }
                }
            }
        },
    }
    await server.client.transport.call(create("v1alpha1", "services", body))
    stored = await server.find(Service, "old")
    assert stored is not None
    assert stored.spec.template.spec.containers[0].image == "busybox"
    assert stored.spec.template.spec.container_concurrency == 1
    assert stored.spec.traffic[0].latest_revision


async def test_limits_come_from_the_config_maps_in_force(server: World, a_service: Any) -> None:
    await server.given(
        ConfigMap.from_wire(
            {
                "metadata": {"name": "config-defaults", "namespace": "knative-serving"},
                "data": {"max-revision-timeout-seconds": "900", "container-concurrency": "7"},
            }
        )
    )
    service = a_service()
    service.spec.template.spec.timeout_seconds = 700
    created = await server.client.create(service)
    assert created.spec.template.spec.container_concurrency == 7


async def test_config_map_that_makes_no_sense_is_refused(server: World) -> None:
    config = ConfigMap.from_wire(
        {
            "metadata": {"name": "config-autoscaler", "namespace": "knative-serving"},
            "data": {"max-scale-up-rate": "1"},
        }
    )
    with pytest.raises(BadRequestError) as caught:
        await server.client.create(config)
    assert str(caught.value) == (
        'admission webhook "config.webhook.serving.knative.dev" denied the request:'
        " validation failed: max-scale-up-rate = 1, must be greater than 1.0"
    )
    elsewhere = config.deep_copy()
    elsewhere.metadata.namespace = "default"
    await server.client.create(elsewhere)


@pytest.mark.parametrize("dry_run", ["", "All"])
async def test_a_dry_run_tries_the_pod(server: World, a_service: Any, dry_run: str) -> None:
    """Only a Pod's own rules forbid this name, so that only a dry run tells at once."""
    service = a_service()
    service.spec.template.spec.containers[0].name = "&InvalidValue"
    request = create("v1", "services", service.to_wire())
    request = replace(request, params={"dryRun": dry_run} if dry_run else {})
    if not dry_run:
        await server.client.transport.call(request)
        return
    with pytest.raises(BadRequestError, match="validation callback failed: dry run failed") as got:
        await server.client.transport.call(request)
    assert "spec.containers[0].name" in str(got.value)
