"""Subjects get what bindings say as they are written, whoever has read the bindings so far."""

from __future__ import annotations

from wakeful.apis import make_scheme
from wakeful.apis.apps import Deployment
from wakeful.apis.sources import SinkBinding
from wakeful.reconciler.sources import BindingAdmission
from wakeful.testing.world import World

BINDING = {
    "metadata": {"name": "b", "namespace": "default"},
    "spec": {
        "subject": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
        "sink": {"uri": "http://sink.example"},
    },
}
DEPLOYMENT = {
    "metadata": {"name": "d", "namespace": "default"},
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        },
    },
}


async def test_bindings_count_before_they_were_listed() -> None:
    """The API takes subjects while the controllers are still reading what there is."""
    admission = BindingAdmission()
    world = World(make_scheme(), hooks=(admission,))
    admission.sink_bindings = world.manager.informer(SinkBinding)  # which does not run yet
    binding = await world.given(SinkBinding.from_wire(BINDING))
    binding.status.sink_uri = "http://sink.example"
    await world.client.update_status(binding)

    made = await world.given(Deployment.from_wire(DEPLOYMENT))

    (container,) = made.spec.template.spec.containers
    assert {e.name: e.value for e in container.env}["K_SINK"] == "http://sink.example"
