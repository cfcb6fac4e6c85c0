"""What an EventListener is made of."""

from __future__ import annotations

from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apis.networking.ingress_class import is_served
from wakeful.apis.triggers import EventListener
from wakeful.reconciler.triggers.resources import make_ingress


def test_the_gateway_takes_a_listeners_ingress_for_its_own() -> None:
    """It leaves alone what asks for no class, or for somebody else's."""
    listener = EventListener(metadata=ObjectMeta(name="pushes", namespace="ns", uid="u"))
    hosts = ("el-pushes.ns.localhost", "el-pushes.ns.svc.cluster.local")

    ingress = make_ingress(listener, *hosts, "mine.example.org")

    assert is_served(ingress, "mine.example.org")
    assert not is_served(ingress, "other.example.org")
