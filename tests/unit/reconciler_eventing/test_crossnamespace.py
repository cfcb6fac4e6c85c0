"""Who may read from a Broker or Channel of another namespace."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.request import UserInfo
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis import make_scheme
from wakeful.apis.eventing import Trigger
from wakeful.apis.messaging import Subscription
from wakeful.apiserver.admission import AdmissionRequest, ObjectReader
from wakeful.apiserver.auth import RBACAuthorizer
from wakeful.apiserver.auth.index import RoleIndex
from wakeful.apiserver.protocols import AccessAttributes, Authorizer, Decision
from wakeful.reconciler.eventing.crossnamespace import CrossNamespaceAdmission

SCHEME = make_scheme()


class Allowing:
    """Allows what it was made for and takes down what it is asked."""

    def __init__(self, **allowed: str) -> None:
        self._allowed, self.asked = AccessAttributes(**allowed), list[AccessAttributes]()

    def authorize(self, _user: UserInfo, attributes: AccessAttributes) -> Decision:
        self.asked.append(attributes)
        return Decision(attributes == self._allowed)


def write(model: type[Object], spec: Mapping[str, Any], asked: object, on: str = "enabled") -> None:
    hook = CrossNamespaceAdmission()
    hook.authorizer = cast("Authorizer", asked)
    flags = {"cross-namespace-event-links": on}
    hook(
        AdmissionRequest(
            resource=SCHEME.of(model),
            obj=model.from_wire({"metadata": {"name": "x", "namespace": "ns"}, "spec": spec}),
            old=None,
            namespace="ns",
            name="x",
            user=UserInfo("ann"),
            context=AdmissionContext(
                "CREATE", datetime(2026, 1, 1, tzinfo=UTC), config=lambda *_: flags
            ),
            reader=cast("ObjectReader", None),
        )
    )


def ref(kind: str, group: str, namespace: str) -> dict[str, str]:
    return {"apiVersion": f"{group}/v1", "kind": kind, "name": "b", "namespace": namespace}


BROKER = {"brokerRef": ref("Broker", "eventing.knative.dev", "other")}
CHANNEL = {"channel": ref("InMemoryChannel", "messaging.knative.dev", "other")}


def test_the_writer_needs_a_right_of_its_own_where_the_events_are() -> None:
    may = Allowing(
        verb="knsubscribe",
        group="eventing.knative.dev",
        resource="brokers",
        namespace="other",
        name="b",
    )
    write(Trigger, BROKER, may)
    with pytest.raises(BadRequestError, match=r"user ann is not authorized .*: other: spec\.InMem"):
        write(Subscription, CHANNEL, may)
    assert [a.resource for a in may.asked] == ["brokers", "inmemorychannels"]


def test_nobody_is_asked_about_the_own_namespace_or_what_is_refused_anyway() -> None:
    nobody = Allowing(verb="")
    write(Trigger, {"brokerRef": ref("Broker", "eventing.knative.dev", "ns")}, nobody)
    write(Trigger, {"broker": "default"}, nobody)
    write(Trigger, BROKER, nobody, on="disabled")
    assert nobody.asked == []


def test_without_roles_or_anybody_to_ask_it_is_refused() -> None:
    for asked in (RBACAuthorizer(lambda: RoleIndex([])), None):
        with pytest.raises(BadRequestError, match="not authorized"):
            write(Trigger, BROKER, asked)
