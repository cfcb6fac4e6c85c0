"""The roles and bindings every platform has, as wire objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wakeful.apimachinery.request import AUTHENTICATED, SYSTEM_MASTERS, UNAUTHENTICATED
from wakeful.apiserver.auth.index import GROUP

JSONObject = dict[str, Any]

_READ = ("get", "list", "watch")
_WRITE = ("create", "delete", "deletecollection", "patch", "update")
_ALL = (*_READ, *_WRITE)
_BOOTSTRAP = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_AUTO_UPDATE = {"rbac.authorization.kubernetes.io/autoupdate": "true"}
_AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"

_INFO = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_DISCOVERY = (
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/openapi",
    "/openapi/*",
    *_INFO,
)

_VIEWED: Mapping[str, Sequence[str]] = {
    "": (
        "bindings",
        "configmaps",
        "endpoints",
        "events",
        "limitranges",
        "namespaces",
        "namespaces/status",
        "persistentvolumeclaims",
        "persistentvolumeclaims/status",
        "pods",
        "pods/log",
        "pods/status",
        "replicationcontrollers",
        "replicationcontrollers/scale",
        "replicationcontrollers/status",
        "resourcequotas",
        "resourcequotas/status",
        "serviceaccounts",
        "services",
        "services/status",
    ),
    "apps": (
        "controllerrevisions",
        "daemonsets",
        "daemonsets/status",
        "deployments",
        "deployments/scale",
        "deployments/status",
        "replicasets",
        "replicasets/scale",
        "replicasets/status",
        "statefulsets",
        "statefulsets/scale",
        "statefulsets/status",
    ),
    "autoscaling": ("horizontalpodautoscalers", "horizontalpodautoscalers/status"),
    "batch": ("cronjobs", "cronjobs/status", "jobs", "jobs/status"),
    "discovery.k8s.io": ("endpointslices",),
    "events.k8s.io": ("events",),
    "networking.k8s.io": ("ingresses", "ingresses/status", "networkpolicies"),
    "policy": ("poddisruptionbudgets", "poddisruptionbudgets/status"),
}
"""What readers see; secrets are not among it."""
_EDITED: Mapping[str, Sequence[str]] = {
    "": (
        "configmaps",
        "endpoints",
        "events",
        "persistentvolumeclaims",
        "pods",
        "pods/attach",
        "pods/exec",
        "pods/portforward",
        "pods/proxy",
        "replicationcontrollers",
        "replicationcontrollers/scale",
        "secrets",
        "serviceaccounts",
        "services",
        "services/proxy",
    ),
    "apps": (
        "daemonsets",
        "deployments",
        "deployments/rollback",
        "deployments/scale",
        "replicasets",
        "replicasets/scale",
        "statefulsets",
        "statefulsets/scale",
    ),
    "autoscaling": ("horizontalpodautoscalers",),
    "batch": ("cronjobs", "jobs"),
    "networking.k8s.io": ("ingresses", "networkpolicies"),
    "policy": ("poddisruptionbudgets",),
}
_EVENTS = "events.wakeful.dev"
_KNATIVE = (
    "serving.knative.dev",
    "networking.internal.knative.dev",
    "networking.wakeful.dev",
    "autoscaling.internal.knative.dev",
    "caching.internal.knative.dev",
)


def default_policy() -> list[JSONObject]:
    """Every default role and binding, roles first."""
    return [*_roles(), *_bindings()]


def _rule(verbs: Sequence[str], group: str, *resources: str) -> JSONObject:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _paths(*paths: str) -> JSONObject:
    return {"nonResourceURLs": list(paths), "verbs": ["get"]}


def _role(
    name: str,
    rules: Sequence[JSONObject],
    labels: Mapping[str, str] | None = None,
    *,
    aggregates: Sequence[str] = (),
) -> JSONObject:
    role: JSONObject = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ClusterRole",
        "metadata": {
            "name": name,
            "labels": {**_BOOTSTRAP, **(labels or {})},
            "annotations": dict(_AUTO_UPDATE),
        },
        "rules": list(rules),
    }
    if aggregates:
        role["aggregationRule"] = {
            "clusterRoleSelectors": [{"matchLabels": {_AGGREGATE + a: "true"}} for a in aggregates]
        }
    return role


def _to(*roles: str) -> dict[str, str]:
    return {_AGGREGATE + role: "true" for role in roles}


def _roles() -> list[JSONObject]:
    return [*_user_roles(), *_knative_roles(), *_system_roles()]


def _user_roles() -> list[JSONObject]:
    """Those that are bound to people, and what they are made of."""
    view = [_rule(_READ, group, *resources) for group, resources in _VIEWED.items()]
    secret_reads = [
        _rule(
            _READ,
            "",
            "pods/attach",
            "pods/exec",
            "pods/portforward",
            "pods/proxy",
            "secrets",
            "services/proxy",
        ),
        _rule(("impersonate",), "", "serviceaccounts"),
    ]
    edit = [
        *secret_reads,
        *(_rule(_WRITE, group, *resources) for group, resources in _EDITED.items()),
        _rule(("create",), "", "pods/eviction", "serviceaccounts/token"),
        _rule(_ALL, "coordination.k8s.io", "leases"),
    ]
    admin = [
        _rule(("create",), "authorization.k8s.io", "localsubjectaccessreviews"),
        _rule(_ALL, GROUP, "roles", "rolebindings"),
    ]
    return [
        _role(
            "cluster-admin",
            [
                {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
                {"nonResourceURLs": ["*"], "verbs": ["*"]},
            ],
        ),
        _role("admin", [], aggregates=("admin",)),
        _role("edit", [], _to("admin"), aggregates=("edit",)),
        _role("view", [], _to("edit"), aggregates=("view",)),
        _role("system:aggregate-to-admin", admin, _to("admin")),
        _role("system:aggregate-to-edit", edit, _to("edit")),
        _role("system:aggregate-to-view", view, _to("view")),
    ]


def _knative_roles() -> list[JSONObject]:
    """What the users' roles may do with the kinds of Knative and ours."""
    read = [_rule(_READ, group, "*") for group in _KNATIVE]
    return [
        _role(
            "knative-serving-namespaced-admin",
            [_rule(("*",), group, "*") for group in _KNATIVE],
            _to("admin"),
        ),
        _role(
            "knative-serving-namespaced-edit",
            [
                _rule(_WRITE, "serving.knative.dev", "*"),
                _rule(_WRITE, "networking.wakeful.dev", "*"),
                *read,
            ],
            _to("edit"),
        ),
        _role("knative-serving-namespaced-view", read, _to("view")),
        _role("wakeful-events-view", [_rule(_READ, _EVENTS, "deadletters", "hops")], _to("view")),
        _role(
            "wakeful-events-edit",
            [
                _rule(_WRITE, _EVENTS, "deadletters"),
                _rule(("create",), _EVENTS, "deadletters/replay", "sendings"),
                _rule(("get",), _EVENTS, "tails/events"),
            ],
            _to("edit"),
        ),
    ]


def _system_roles() -> list[JSONObject]:
    """What everybody may do, and roles for others that serve the cluster."""
    return [
        _role("system:discovery", [_paths(*_DISCOVERY)]),
        _role("system:public-info-viewer", [_paths(*_INFO)]),
        _role(
            "system:monitoring",
            [
                _paths(
                    "/healthz",
                    "/healthz/*",
                    "/livez",
                    "/livez/*",
                    "/metrics",
                    "/readyz",
                    "/readyz/*",
                )
            ],
        ),
        _role(
            "system:service-account-issuer-discovery",
            [_paths("/.well-known/openid-configuration", "/openid/v1/jwks")],
        ),
        _role(
            "system:basic-user",
            [
                _rule(
                    ("create",),
                    "authorization.k8s.io",
                    "selfsubjectaccessreviews",
                    "selfsubjectrulesreviews",
                ),
                _rule(("create",), "authentication.k8s.io", "selfsubjectreviews"),
            ],
        ),
        _role(
            "system:auth-delegator",
            [
                _rule(("create",), "authentication.k8s.io", "tokenreviews"),
                _rule(("create",), "authorization.k8s.io", "subjectaccessreviews"),
            ],
        ),
    ]


def _bindings() -> list[JSONObject]:
    given = {
        "cluster-admin": (SYSTEM_MASTERS,),
        "system:discovery": (AUTHENTICATED,),
        "system:basic-user": (AUTHENTICATED,),
        "system:public-info-viewer": (AUTHENTICATED, UNAUTHENTICATED),
        "system:monitoring": ("system:monitoring",),
        "system:service-account-issuer-discovery": ("system:serviceaccounts",),
    }
    return [
        {
            "apiVersion": f"{GROUP}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {
                "name": name,
                "labels": dict(_BOOTSTRAP),
                "annotations": dict(_AUTO_UPDATE),
            },
            "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": GROUP, "kind": "Group", "name": group} for group in groups],
        }
        for name, groups in given.items()
    ]
