from datetime import UTC, datetime
from typing import Any, cast

import pytest

from wakeful.apimachinery.errors import ForbiddenError
from wakeful.apimachinery.request import SYSTEM_MASTERS, UserInfo
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis import make_scheme
from wakeful.apiserver.admission import AdmissionRequest, ObjectReader
from wakeful.apiserver.auth import EscalationGuard, RoleIndex

GROUP = "rbac.authorization.k8s.io"
SCHEME = make_scheme()
ANN = UserInfo("ann", ("dev",))


def rule(verbs: str, resources: str, group: str = "", **more: Any) -> dict[str, Any]:
    return {"verbs": verbs.split(), "apiGroups": [group], "resources": resources.split(), **more}


def held(*rules: dict[str, Any]) -> RoleIndex:
    """What ann may do in namespace ns, beside editing roles and bindings."""
    mine = {"kind": "ClusterRole", "metadata": {"name": "mine"}, "rules": list(rules)}
    other = {"kind": "ClusterRole", "metadata": {"name": "o"}, "rules": [rule("get", "nodes")]}
    binding = {
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "b"},
        "roleRef": {"kind": "ClusterRole", "name": "mine"},
        "subjects": [{"kind": "User", "name": "ann"}],
    }
    return RoleIndex([mine, other, binding])


def write(
    index: RoleIndex,
    kind: str,
    user: UserInfo = ANN,
    old: dict[str, Any] | None = None,
    **body: Any,
) -> None:
    resource = SCHEME.by_kind(GROUP, kind)
    assert resource is not None
    namespace = "ns" if resource.namespaced else ""
    model = resource.model
    before = model.from_wire({"metadata": {"name": "x"}, **old}) if old is not None else None
    EscalationGuard(lambda: index)(
        AdmissionRequest(
            resource=resource,
            obj=model.from_wire({"metadata": {"name": "x"}, **body}),
            old=before,
            namespace=namespace,
            name="x",
            user=user,
            context=AdmissionContext("CREATE", datetime(2026, 1, 1, tzinfo=UTC)),
            reader=cast("ObjectReader", None),
        )
    )


def test_what_is_held_may_be_granted() -> None:
    index = held(rule("get list", "pods pods/log"), rule("*", "configmaps"))
    write(index, "Role", rules=[rule("get", "pods")])
    write(index, "Role", rules=[rule("list", "pods/log"), rule("delete", "configmaps")])
    write(index, "RoleBinding", roleRef={"kind": "ClusterRole", "name": "mine"})


@pytest.mark.parametrize(
    "granted",
    [
        rule("delete", "pods"),
        rule("*", "pods"),
        rule("get", "*"),
        rule("get", "pods", "apps"),
        rule("get", "pods/exec"),
        rule("get", "secrets"),
        {"verbs": ["get"], "nonResourceURLs": ["/metrics"]},
    ],
)
def test_what_is_not_held_may_not(granted: dict[str, Any]) -> None:
    with pytest.raises(ForbiddenError) as caught:
        write(held(rule("get list", "pods")), "ClusterRole", rules=[granted])
    assert caught.value.message.startswith(
        'clusterroles.rbac.authorization.k8s.io "x" is forbidden: user "ann" (groups=["dev"]) is'
        " attempting to grant RBAC permissions not currently held:\n{"
    )


def test_a_name_holds_less_than_all() -> None:
    index = held(rule("get", "pods", resourceNames=["a"]))
    write(index, "Role", rules=[rule("get", "pods", resourceNames=["a"])])
    for granted in (rule("get", "pods"), rule("get", "pods", resourceNames=["b"])):
        with pytest.raises(ForbiddenError):
            write(index, "Role", rules=[granted])


def test_binding_another_role_needs_its_rules_or_the_verb() -> None:
    reference = {"kind": "ClusterRole", "name": "o"}
    with pytest.raises(ForbiddenError):
        write(held(rule("get", "pods")), "RoleBinding", roleRef=reference)
    may_bind = rule("bind", "clusterroles", GROUP, resourceNames=["o"])
    write(held(may_bind), "RoleBinding", roleRef=reference)
    with pytest.raises(ForbiddenError):
        write(held(may_bind), "RoleBinding", roleRef={"kind": "ClusterRole", "name": "unborn"})


def test_escalate_lifts_the_rule() -> None:
    index = held(rule("escalate", "roles", GROUP))
    write(index, "Role", rules=[rule("*", "*")])
    with pytest.raises(ForbiddenError):
        write(index, "ClusterRole", rules=[rule("*", "*")])


def test_aggregation_needs_everything() -> None:
    selectors = {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}
    with pytest.raises(ForbiddenError):
        write(held(rule("get", "pods")), "ClusterRole", aggregationRule=selectors)
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
    paths = {"verbs": ["*"], "nonResourceURLs": ["*"]}
    write(held(everything, paths), "ClusterRole", aggregationRule=selectors)


def test_labels_may_change_on_what_was_granted_by_others() -> None:
    old = {"rules": [rule("*", "*")]}
    labelled = {"metadata": {"name": "x", "labels": {"a": "b"}}}
    write(held(), "Role", old=old, **old, **labelled)
    with pytest.raises(ForbiddenError):
        write(held(), "Role", old=old, rules=[rule("*", "*"), rule("get", "pods")])


def test_masters_grant_anything() -> None:
    root = UserInfo("root", (SYSTEM_MASTERS,))
    write(held(), "ClusterRole", root, rules=[rule("*", "*")])
