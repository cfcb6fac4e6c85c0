from typing import Any

import pytest

from wakeful.apimachinery.request import ANONYMOUS, AUTHENTICATED, SYSTEM_MASTERS, UserInfo
from wakeful.apiserver.auth import RBACAuthorizer, RoleIndex, RuleFeed, default_policy
from wakeful.apiserver.protocols import AccessAttributes
from wakeful.storage import Key, MemoryStore

GROUP = "rbac.authorization.k8s.io"
ANN = UserInfo("ann", ("dev", AUTHENTICATED))


def role(name: str, *rules: dict[str, Any], namespace: str = "", **more: Any) -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    metadata |= {"labels": more.pop("labels", {})}
    kind = "Role" if namespace else "ClusterRole"
    return {"kind": kind, "metadata": metadata, "rules": list(rules), **more}


def binding(
    name: str, to: str, *subjects: dict[str, str], namespace: str = "", kind: str = "ClusterRole"
) -> dict[str, Any]:
    return {
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}),
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": to},
        "subjects": list(subjects),
    }


def rule(verbs: str, resources: str, group: str = "", names: str = "") -> dict[str, Any]:
    wire = {"verbs": verbs.split(), "apiGroups": [group], "resources": resources.split()}
    return wire | ({"resourceNames": names.split()} if names else {})


def user(name: str) -> dict[str, str]:
    return {"kind": "User", "name": name}


def group(name: str) -> dict[str, str]:
    return {"kind": "Group", "name": name}


def rbac(*objects: dict[str, Any]) -> RBACAuthorizer:
    index = RoleIndex(objects)
    return RBACAuthorizer(lambda: index)


def may(authorizer: RBACAuthorizer, who: UserInfo, verb: str, resource: str, **more: str) -> bool:
    resource, _, subresource = resource.partition("/")
    attributes = AccessAttributes(verb, resource=resource, subresource=subresource, **more)
    return authorizer.authorize(who, attributes).allowed


def test_nothing_is_allowed_without_a_rule() -> None:
    assert not may(rbac(), ANN, "get", "pods")


def test_masters_may_do_everything() -> None:
    root = UserInfo("root", (SYSTEM_MASTERS,))
    assert may(rbac(), root, "delete", "nodes")
    assert rbac().authorize(root, AccessAttributes("get", path="/metrics")).allowed
    assert rbac().rules(root, "x")[0] == [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]


def test_cluster_bindings_hold_everywhere_and_role_bindings_in_their_namespace() -> None:
    authorizer = rbac(
        role("reader", rule("get list", "pods")),
        role("writer", rule("create", "pods"), namespace="a"),
        binding("all", "reader", user("ann")),
        binding("some", "writer", user("ann"), namespace="a", kind="Role"),
        binding("both", "reader", user("bob"), namespace="b"),
    )
    bob = UserInfo("bob")
    assert may(authorizer, ANN, "list", "pods")
    assert may(authorizer, ANN, "list", "pods", namespace="z")
    assert may(authorizer, ANN, "create", "pods", namespace="a")
    assert not may(authorizer, ANN, "create", "pods", namespace="b")
    assert not may(authorizer, ANN, "create", "pods")
    assert may(authorizer, bob, "get", "pods", namespace="b")
    assert not may(authorizer, bob, "get", "pods")


def test_the_reason_names_binding_role_and_subject() -> None:
    authorizer = rbac(
        role("reader", rule("get", "pods")),
        binding("b", "reader", group("dev")),
        binding("c", "reader", user("bob"), namespace="ns"),
    )
    decision = authorizer.authorize(ANN, AccessAttributes("get", resource="pods"))
    assert decision.reason == (
        'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "reader" to Group "dev"'
    )
    decision = authorizer.authorize(
        UserInfo("bob"), AccessAttributes("get", resource="pods", namespace="ns")
    )
    assert decision.reason == (
        'RBAC: allowed by RoleBinding "c/ns" of ClusterRole "reader" to User "bob"'
    )


def test_a_missing_role_is_named() -> None:
    authorizer = rbac(binding("b", "ghost", user("ann")))
    decision = authorizer.authorize(ANN, AccessAttributes("get", resource="pods"))
    assert not decision.allowed
    assert decision.reason == 'RBAC: clusterrole.rbac.authorization.k8s.io "ghost" not found'


def test_service_accounts_are_subjects() -> None:
    subject = {"kind": "ServiceAccount", "name": "bot", "namespace": "ns"}
    authorizer = rbac(role("r", rule("get", "pods")), binding("b", "r", subject))
    assert may(authorizer, UserInfo("system:serviceaccount:ns:bot"), "get", "pods")
    assert not may(authorizer, UserInfo("system:serviceaccount:other:bot"), "get", "pods")


def test_accounts_without_a_namespace_are_of_the_bindings_own() -> None:
    """As the book's RoleBinding for its pipeline account has it; nobody, for the whole cluster."""
    subject = {"kind": "ServiceAccount", "name": "bot"}
    bot = UserInfo("system:serviceaccount:ns:bot")
    own = rbac(role("r", rule("get", "pods")), binding("b", "r", subject, namespace="ns"))
    assert may(own, bot, "get", "pods", namespace="ns")
    assert not may(own, UserInfo("system:serviceaccount::bot"), "get", "pods", namespace="ns")
    assert not may(
        rbac(role("r", rule("get", "pods")), binding("b", "r", subject)), bot, "get", "pods"
    )


@pytest.mark.parametrize(
    ("given", "verb", "resource", "more", "allowed"),
    [
        (rule("*", "*", "*"), "delete", "pods/log", {"group": "x"}, True),
        (rule("get", "pods"), "get", "pods/log", {}, False),
        (rule("get", "pods/log"), "get", "pods/log", {}, True),
        (rule("get", "pods/log"), "get", "pods", {}, False),
        (rule("get", "*/scale", "apps"), "get", "deployments/scale", {"group": "apps"}, True),
        (rule("get", "*/scale", "apps"), "get", "deployments", {"group": "apps"}, False),
        (rule("get", "pods", names="a b"), "get", "pods", {"name": "a"}, True),
        (rule("get", "pods", names="a b"), "get", "pods", {"name": "c"}, False),
        (rule("list", "pods", names="a"), "list", "pods", {}, False),
        (rule("get", "pods", "apps"), "get", "pods", {}, False),
    ],
)
def test_rules(
    given: dict[str, Any], verb: str, resource: str, more: dict[str, str], allowed: bool
) -> None:
    authorizer = rbac(role("r", given), binding("b", "r", user("ann")))
    assert may(authorizer, ANN, verb, resource, **more) is allowed


def test_paths() -> None:
    authorizer = rbac(
        role("r", {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/logs/*"]}),
        binding("b", "r", user("ann")),
    )

    def path(text: str) -> bool:
        return authorizer.authorize(ANN, AccessAttributes("get", path=text)).allowed

    assert path("/healthz")
    assert path("/logs/a/b")
    assert not path("/healthz/etcd")
    assert not path("/metrics")


def test_roles_aggregate_through_each_other() -> None:
    def aggregate(name: str, label: str, labels: dict[str, str]) -> dict[str, Any]:
        selectors = [{"matchLabels": {label: "true"}}]
        return role(name, labels=labels, aggregationRule={"clusterRoleSelectors": selectors})

    index = RoleIndex(
        [
            aggregate("edit", "to-edit", {}),
            aggregate("view", "to-view", {"to-edit": "true"}),
            role("mine", rule("get", "widgets"), labels={"to-view": "true"}),
            binding("b", "edit", user("ann")),
        ]
    )
    authorizer = RBACAuthorizer(lambda: index)
    assert may(authorizer, ANN, "get", "widgets")
    index.remove(role("mine"))
    assert not may(authorizer, ANN, "get", "widgets")


def test_aggregation_in_a_circle_ends() -> None:
    selectors = {"clusterRoleSelectors": [{"matchLabels": {"x": "y"}}]}
    authorizer = rbac(
        role("a", labels={"x": "y"}, aggregationRule=selectors),
        role("b", rule("get", "pods"), labels={"x": "y"}, aggregationRule=selectors),
        binding("b", "a", user("ann")),
    )
    assert may(authorizer, ANN, "get", "pods")


def test_rules_review_lists_each_rule_once() -> None:
    paths = {"verbs": ["get"], "nonResourceURLs": ["/a"]}
    authorizer = rbac(
        role("r", rule("list get", "pods", names="x"), paths),
        role("n", paths, namespace="ns"),
        binding("b", "r", user("ann")),
        binding("c", "r", group("dev"), namespace="ns"),
        binding("d", "n", user("ann"), namespace="ns", kind="Role"),
    )
    assert authorizer.rules(ANN, "ns") == (
        [
            {
                "verbs": ["get", "list"],
                "apiGroups": [""],
                "resources": ["pods"],
                "resourceNames": ["x"],
            }
        ],
        [{"verbs": ["get"], "nonResourceURLs": ["/a"]}],
    )


def test_bindings_follow_their_changes() -> None:
    index = RoleIndex([role("r", rule("get", "pods")), binding("b", "r", user("ann"))])
    authorizer = RBACAuthorizer(lambda: index)
    index.put(binding("b", "r", user("bob")))
    assert not may(authorizer, ANN, "get", "pods")
    assert may(authorizer, UserInfo("bob"), "get", "pods")
    index.remove(binding("b", "r"))
    assert not may(authorizer, UserInfo("bob"), "get", "pods")


@pytest.mark.parametrize(
    "junk",
    [
        {},
        {"kind": "ClusterRole"},
        {"kind": "ClusterRole", "metadata": None, "rules": None},
        {"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": [{"verbs": [1]}]},
        {"kind": "ClusterRoleBinding", "metadata": {"name": "b"}},
        {
            "kind": "ClusterRole",
            "metadata": {"name": "r"},
            "aggregationRule": {
                "clusterRoleSelectors": [
                    {"matchExpressions": [{"key": "a", "operator": "Like"}]},
                    {"matchLabels": 3},
                ]
            },
        },
    ],
)
def test_junk_grants_nothing(junk: dict[str, Any]) -> None:
    assert not may(rbac(junk), ANN, "get", "pods")


class TestDefaultPolicy:
    authorizer = rbac(
        *default_policy(),
        binding("a", "admin", user("admin"), namespace="ns"),
        binding("e", "edit", user("editor"), namespace="ns"),
        binding("v", "view", user("viewer"), namespace="ns"),
        binding("c", "cluster-admin", user("boss")),
    )

    @pytest.mark.parametrize(
        ("name", "verb", "resource", "group", "allowed"),
        [
            ("viewer", "list", "pods", "", True),
            ("viewer", "get", "secrets", "", False),
            ("viewer", "create", "pods", "", False),
            ("viewer", "watch", "services", "serving.knative.dev", True),
            ("viewer", "create", "services", "serving.knative.dev", False),
            ("editor", "create", "deployments", "apps", True),
            ("editor", "get", "secrets", "", True),
            ("editor", "create", "pods/exec", "", True),
            ("editor", "update", "services", "serving.knative.dev", True),
            ("editor", "create", "rolebindings", GROUP, False),
            ("editor", "list", "pods", "", True),
            ("admin", "create", "rolebindings", GROUP, True),
            ("admin", "list", "pods", "", True),
            ("admin", "delete", "revisions", "serving.knative.dev", True),
            ("boss", "delete", "anything", "any.group", True),
        ],
    )
    def test_user_facing_roles(
        self, name: str, verb: str, resource: str, group: str, allowed: bool
    ) -> None:
        who = UserInfo(name, (AUTHENTICATED,))
        assert may(self.authorizer, who, verb, resource, group=group, namespace="ns") is allowed

    def test_everybody_may_discover_and_ask(self) -> None:
        anybody = UserInfo("anybody", (AUTHENTICATED,))
        asks = AccessAttributes(
            "create", "authorization.k8s.io", resource="selfsubjectaccessreviews"
        )
        assert self.authorizer.authorize(anybody, asks).allowed
        for path in ("/api", "/apis/apps/v1", "/openapi/v3", "/version"):
            assert self.authorizer.authorize(anybody, AccessAttributes("get", path=path)).allowed

    def test_strangers_see_version_and_health_only(self) -> None:
        for path, allowed in (("/version", True), ("/healthz", True), ("/apis", False)):
            decision = self.authorizer.authorize(ANONYMOUS, AccessAttributes("get", path=path))
            assert decision.allowed is allowed


async def test_writes_are_in_force_at_once() -> None:
    """The feed follows the store without a task of its own."""
    store = MemoryStore()
    first = role("r", rule("get", "pods"))
    store.create(Key(GROUP, "clusterroles", "", "r"), first)
    feed = RuleFeed(store)
    authorizer = RBACAuthorizer(feed.current)
    assert not may(authorizer, ANN, "get", "pods")
    record = store.create(
        Key(GROUP, "clusterrolebindings", "", "b"), binding("b", "r", user("ann"))
    )
    assert may(authorizer, ANN, "get", "pods")
    store.delete(record.key, expected=record.revision)
    assert not may(authorizer, ANN, "get", "pods")
    feed.close()


async def test_a_feed_that_fell_behind_starts_over() -> None:
    store = MemoryStore()
    feed = RuleFeed(store)
    authorizer = RBACAuthorizer(feed.current)
    store.create(Key(GROUP, "clusterrolebindings", "", "b"), binding("b", "r", user("ann")))
    key = Key(GROUP, "clusterroles", "", "r")
    record = store.create(key, role("r", rule("get", "pods")))
    for _ in range(5000):
        record = store.update(key, role("r", rule("get", "pods")), expected=record.revision)
    assert may(authorizer, ANN, "get", "pods")
    feed.close()
