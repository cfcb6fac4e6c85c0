"""Whose an Ingress is."""

from __future__ import annotations

import pytest

from wakeful.apis.networking import Ingress
from wakeful.apis.networking.ingress_class import is_served

OURS = "envoy.ingress.networking.knative.dev"


@pytest.mark.parametrize("key", ["ingress-class", "ingress.class"])
@pytest.mark.parametrize(
    ("asked", "configured", "served"),
    [
        (OURS, OURS, True),
        ("istio.ingress.networking.knative.dev", OURS, True),
        ("kourier.ingress.networking.knative.dev", "kong", True),
        ("kong", "kong", True),
        ("kong", OURS, False),
        ("ingress.networking.knative.dev", OURS, False),
        ("", OURS, False),
        ("", "", False),
    ],
)
def test_class_decides(key: str, asked: str, configured: str, served: bool) -> None:
    annotations = {f"networking.knative.dev/{key}": asked}
    ingress = Ingress.from_wire({"metadata": {"name": "hello", "annotations": annotations}})

    assert is_served(ingress, configured) is served


def test_ingress_without_a_class_is_nobodys() -> None:
    assert not is_served(Ingress.from_wire({"metadata": {"name": "hello"}}), OURS)
