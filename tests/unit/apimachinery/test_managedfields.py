from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wakeful.apimachinery.errors import BadRequestError, ConflictError, InvalidError
from wakeful.apimachinery.managedfields import (
    align,
    apply,
    check_manager,
    same_but_times,
    track_update,
)
from wakeful.apimachinery.shapes import shape_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
DEPLOYMENT = shape_of("apps", "Deployment")
CUSTOM = shape_of("example.com", "Widget")


def a_deployment(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "default", "labels": {"app": "d"}},
        "spec": spec,
    }


def container(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, **fields}


def with_containers(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return a_deployment(template={"spec": {"containers": list(containers)}}, **spec)


def ssa(
    live: dict[str, Any] | None, config: dict[str, Any], manager: str, **options: Any
) -> dict[str, Any]:
    options = {"now": NOW, "shape": DEPLOYMENT} | options
    return apply(live, config, manager=manager, **options)


def put(
    live: dict[str, Any] | None, new: dict[str, Any], manager: str, **options: Any
) -> dict[str, Any]:
    options = {"now": NOW, "shape": DEPLOYMENT, "api_version": "apps/v1"} | options
    return track_update(live, new, manager=manager, **options)


def entry(obj: dict[str, Any], manager: str, operation: str = "") -> Any:
    return next(
        (
            e
            for e in obj["metadata"]["managedFields"]
            if e["manager"] == manager and operation in ("", e["operation"])
        ),
        None,
    )


def containers(obj: dict[str, Any]) -> Any:
    return obj["spec"]["template"]["spec"]["containers"]


def test_create_by_apply_makes_one_entry() -> None:
    created = ssa(None, with_containers(container("a", image="1"), replicas=2), "kubectl")
    assert created["metadata"]["managedFields"] == [
        {
            "manager": "kubectl",
            "operation": "Apply",
            "apiVersion": "apps/v1",
            "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {"f:labels": {"f:app": {}}},
                "f:spec": {
                    "f:replicas": {},
                    "f:template": {
                        "f:spec": {
                            "f:containers": {
                                'k:{"name":"a"}': {".": {}, "f:name": {}, "f:image": {}}
                            }
                        }
                    },
                },
            },
        }
    ]


def test_same_content_again_changes_nothing() -> None:
    config = with_containers(container("a", image="1"), replicas=2)
    created = ssa(None, config, "kubectl")
    assert ssa(created, config, "kubectl", now=LATER) == created


def test_another_owner_with_another_value_is_a_conflict() -> None:
    created = ssa(None, a_deployment(replicas=2), "kubectl")
    with pytest.raises(ConflictError) as caught:
        ssa(created, a_deployment(replicas=3), "ci")
    assert caught.value.message == (
        'Apply failed with 1 conflict: conflict with "kubectl": .spec.replicas'
    )
    assert caught.value.details["causes"] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl"',
            "field": ".spec.replicas",
        }
    ]


def test_several_conflicts_are_listed_by_manager() -> None:
    live = put(None, with_containers(container("a", image="1"), replicas=2), "controller")
    with pytest.raises(ConflictError) as caught:
        ssa(live, with_containers(container("a", image="2"), replicas=3), "ci")
    assert caught.value.message == (
        'Apply failed with 2 conflicts: conflicts with "controller" using apps/v1:\n'
        "- .spec.replicas\n"
        '- .spec.template.spec.containers[name="a"].image'
    ) or caught.value.message == (
        'Apply failed with 2 conflicts: conflicts with "controller" using apps/v1:\n'
        '- .spec.template.spec.containers[name="a"].image\n'
        "- .spec.replicas"
    )


def test_equal_values_are_owned_together() -> None:
    live = ssa(None, a_deployment(replicas=2), "one")
    live = ssa(live, a_deployment(replicas=2), "two")
    assert entry(live, "one") is not None
    assert entry(live, "two") is not None
    kept = ssa(live, a_deployment(), "two")
    assert kept["spec"] == {"replicas": 2}


def test_force_takes_the_field_over() -> None:
    live = ssa(None, a_deployment(replicas=2), "one")
    live = ssa(live, a_deployment(replicas=3), "two", force=True)
    assert live["spec"]["replicas"] == 3
    assert "f:spec" not in entry(live, "one")["fieldsV1"]
    assert entry(live, "one")["fieldsV1"] == {"f:metadata": {"f:labels": {"f:app": {}}}}


def test_what_is_no_longer_applied_goes() -> None:
    live = ssa(None, a_deployment(replicas=2, strategy={"type": "Recreate"}), "kubectl")
    live["spec"]["strategy"]["defaulted"] = True
    live = ssa(live, a_deployment(replicas=2), "kubectl")
    assert live["spec"] == {"replicas": 2}
    assert live["metadata"]["name"] == "d"


def test_labels_can_all_go_and_identity_stays() -> None:
    live = ssa(None, a_deployment(replicas=2), "kubectl")
    live["metadata"]["uid"] = "u"
    config = a_deployment(replicas=2)
    del config["metadata"]["labels"]
    live = ssa(live, config, "kubectl")
    assert "labels" not in live["metadata"]
    assert live["metadata"]["uid"] == "u"
    assert live["metadata"]["name"] == "d"


def test_list_items_merge_by_key_and_go_alone() -> None:
    live = ssa(None, with_containers(container("a", image="1"), container("b", image="1")), "one")
    live = ssa(live, with_containers(container("sidecar", image="9")), "injector")
    assert [c["name"] for c in containers(live)] == ["a", "b", "sidecar"]
    live = ssa(live, with_containers(container("b", image="2")), "one")
    assert containers(live) == [container("b", image="2"), container("sidecar", image="9")]


def test_an_item_stays_while_another_manager_owns_part_of_it() -> None:
    live = ssa(None, with_containers(container("a", image="1", tty=True)), "one")
    live = ssa(live, with_containers(container("a", workingDir="/x")), "two")
    live = ssa(live, with_containers(), "one")
    assert containers(live) == [container("a", workingDir="/x")]


def test_ports_are_told_apart_by_port_and_protocol() -> None:
    shape = shape_of("", "Service")

    def service(*ports: dict[str, Any]) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "s"},
            "spec": {"ports": list(ports), "selector": {"a": "b"}},
        }

    live = ssa(None, service({"port": 53, "protocol": "TCP"}), "one", shape=shape)
    live = ssa(live, service({"port": 53, "protocol": "UDP"}), "two", shape=shape)
    assert len(live["spec"]["ports"]) == 2
    same = ssa(live, service({"port": 53}), "one", shape=shape)
    assert len(same["spec"]["ports"]) == 2
    assert entry(live, "one")["fieldsV1"]["f:spec"]["f:selector"] == {}


def test_atomic_objects_are_replaced_whole() -> None:
    live = ssa(None, a_deployment(selector={"matchLabels": {"a": "1", "b": "2"}}), "one")
    live = ssa(live, a_deployment(selector={"matchLabels": {"a": "1"}}), "one")
    assert live["spec"]["selector"] == {"matchLabels": {"a": "1"}}


def test_lists_of_custom_kinds_are_replaced_whole_but_finalizers_are_a_set() -> None:
    def widget(items: list[Any], finalizers: list[str]) -> dict[str, Any]:
        return {
            "apiVersion": "example.com/v1",
            "kind": "Widget",
            "metadata": {"name": "w", "finalizers": finalizers},
            "spec": {"items": items},
        }

    live = ssa(None, widget([{"name": "a"}], ["x"]), "one", shape=CUSTOM)
    live = put(
        live,
        widget([{"name": "a"}], ["x", "y"]),
        "other",
        shape=CUSTOM,
        api_version="example.com/v1",
    )
    live = ssa(live, widget([{"name": "b"}], ["z"]), "one", shape=CUSTOM)
    assert live["spec"]["items"] == [{"name": "b"}]
    assert set(live["metadata"]["finalizers"]) == {"y", "z"}


def test_objects_from_before_are_owned_by_whoever_made_them() -> None:
    live = a_deployment(replicas=2)
    with pytest.raises(ConflictError) as caught:
        ssa(live, a_deployment(replicas=3), "kubectl-other")
    assert '"before-first-apply" using apps/v1' in caught.value.message


def test_kubectl_takes_over_what_it_applied_on_the_client_side() -> None:
    live = a_deployment(replicas=2)
    live["metadata"]["annotations"] = {
        "kubectl.kubernetes.io/last-applied-configuration": '{"spec":{"replicas":2}}\n'
    }
    live = put(None, live, "kubectl-client-side-apply")
    assert ssa(live, a_deployment(replicas=3), "kubectl")["spec"]["replicas"] == 3
    with pytest.raises(ConflictError):
        ssa(live, a_deployment(replicas=3), "ci")


def test_resource_version_of_the_config_reaches_the_caller() -> None:
    live = ssa(None, a_deployment(replicas=2), "one")
    live["metadata"]["resourceVersion"] = "7"
    config = a_deployment(replicas=2)
    config["metadata"]["resourceVersion"] = "3"
    assert ssa(live, config, "one")["metadata"]["resourceVersion"] == "3"


@pytest.mark.parametrize(
    "config",
    [
        {"kind": "Deployment"},
        {"apiVersion": "apps/v1"},
        [],
        {"apiVersion": "apps/v1", "kind": "D", "metadata": {"managedFields": [{"manager": "x"}]}},
    ],
)
def test_what_cannot_be_applied(config: Any) -> None:
    with pytest.raises(BadRequestError):
        ssa(None, config, "x")


def test_apply_needs_a_field_manager() -> None:
    with pytest.raises(InvalidError) as caught:
        check_manager("", required=True)
    assert caught.value.message == (
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for'
        " apply patch"
    )
    check_manager("")
    check_manager("kubectl")
    for bad in ("x" * 129, "a\nb"):
        with pytest.raises(InvalidError):
            check_manager(bad)


class TestUpdates:
    def test_create_owns_everything_and_update_only_what_changed(self) -> None:
        live = put(None, with_containers(container("a", image="1"), replicas=1), "kubectl-create")
        scaled = with_containers(container("a", image="1"), replicas=5)
        live = put(live, scaled, "autoscaler", now=LATER)
        assert entry(live, "autoscaler") == {
            "manager": "autoscaler",
            "operation": "Update",
            "apiVersion": "apps/v1",
            "time": "2026-01-01T01:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:replicas": {}}},
        }
        creator = entry(live, "kubectl-create")["fieldsV1"]["f:spec"]
        assert "f:replicas" not in creator
        assert "f:template" in creator

    def test_nothing_changed_nothing_written(self) -> None:
        live = put(None, a_deployment(replicas=1), "one")
        again = put(live, a_deployment(replicas=1), "two", now=LATER)
        assert again["metadata"]["managedFields"] == live["metadata"]["managedFields"]

    def test_status_has_its_own_entry(self) -> None:
        live = put(None, a_deployment(replicas=1), "one")
        new = {**live, "status": {"conditions": [{"type": "Available", "status": "True"}]}}
        live = put(live, new, "controller", subresource="status")
        found = entry(live, "controller")
        assert found["subresource"] == "status"
        assert found["fieldsV1"] == {
            "f:status": {
                "f:conditions": {'k:{"type":"Available"}': {".": {}, "f:type": {}, "f:status": {}}}
            }
        }

    def test_removed_fields_have_no_owner(self) -> None:
        live = put(None, a_deployment(replicas=1, paused=True), "one")
        live = put(live, a_deployment(replicas=1), "two")
        assert "f:paused" not in entry(live, "one")["fieldsV1"]["f:spec"]
        assert entry(live, "two") is None

    def test_a_whole_subtree_removed_takes_deep_ownership_along(self) -> None:
        live = put(None, a_deployment(strategy={"type": "x", "rollingUpdate": {"a": 1}}), "one")
        live = put(live, a_deployment(), "two")
        assert entry(live, "one")["fieldsV1"] == {"f:metadata": {"f:labels": {"f:app": {}}}}

    def test_clients_may_write_ownership_themselves(self) -> None:
        """The last step of migrating from client-side to server-side apply."""
        live = put(None, a_deployment(replicas=1), "kubectl-client-side-apply")
        migrated = {**live, "metadata": dict(live["metadata"])}
        migrated["metadata"]["managedFields"] = [
            {
                "manager": "kubectl",
                "operation": "Apply",
                "apiVersion": "apps/v1",
                "fieldsType": "FieldsV1",
                "fieldsV1": {"f:spec": {"f:replicas": {}}},
            }
        ]
        stored = put(live, migrated, "kubectl")
        assert [e["manager"] for e in stored["metadata"]["managedFields"]] == ["kubectl"]

    def test_clients_that_drop_ownership_do_not_lose_it(self) -> None:
        live = put(None, a_deployment(replicas=1), "one")
        assert entry(put(live, a_deployment(replicas=1), "two"), "one") is not None

    def test_reset(self) -> None:
        live = put(None, a_deployment(replicas=1), "one")
        new = a_deployment(replicas=1)
        new["metadata"]["managedFields"] = [{}]
        assert "managedFields" not in put(live, new, "two")["metadata"]

    @pytest.mark.parametrize(
        "entries",
        [
            "x",
            ["x"],
            [{"manager": 1, "operation": "Apply"}],
            [{"manager": "x", "operation": "Fly"}],
            [{"manager": "x", "operation": "Apply", "fieldsV1": {"f:x": 1}}],
            [{"manager": "x", "operation": "Apply", "fieldsV1": {"k:nope": {}}}],
            [{"manager": "x", "operation": "Apply", "fieldsV1": {"zzz": {}}}],
        ],
    )
    def test_nonsense_is_ignored(self, entries: Any) -> None:
        live = put(None, a_deployment(replicas=1), "one")
        new = a_deployment(replicas=2)
        new["metadata"]["managedFields"] = entries
        stored = put(live, new, "two")
        assert {e["manager"] for e in stored["metadata"]["managedFields"]} == {"one", "two"}

    def test_a_crowd_of_updaters_is_summed_up(self) -> None:
        live: dict[str, Any] | None = None
        spec: dict[str, Any] = {}
        for number in range(14):
            spec = {**spec, f"field{number}": number}
            live = put(live, a_deployment(**spec), f"m{number}", now=NOW + timedelta(number))
        assert live is not None
        entries = live["metadata"]["managedFields"]
        assert len(entries) <= 11
        ancient = entry(live, "ancient-changes")["fieldsV1"]["f:spec"]
        assert "f:field0" in ancient

    def test_lists_with_unusable_keys_are_owned_whole(self) -> None:
        live = put(None, with_containers({"image": "nameless"}, container("a")), "one")
        owned = entry(live, "one")["fieldsV1"]["f:spec"]["f:template"]["f:spec"]
        assert owned == {"f:containers": {}}

    def test_an_applier_keeps_its_claim_until_somebody_changes_the_value(self) -> None:
        live = ssa(None, a_deployment(replicas=1), "one")
        live = put(live, a_deployment(replicas=1, paused=True), "two")
        assert "f:replicas" in entry(live, "one")["fieldsV1"]["f:spec"]
        live = put(live, a_deployment(replicas=2, paused=True), "two")
        assert "f:spec" not in entry(live, "one")["fieldsV1"]


def test_same_but_times() -> None:
    live = ssa(None, a_deployment(replicas=1), "one")
    later = ssa(None, a_deployment(replicas=1), "one", now=LATER)
    assert live != later
    assert same_but_times(live, later)
    assert not same_but_times(live, ssa(None, a_deployment(replicas=2), "one"))


def test_align_takes_canonical_values_but_no_fields() -> None:
    config = {"limits": {"cpu": "0.5"}, "zero": 0, "list": [{"m": "1024Mi"}]}
    canonical = {"limits": {"cpu": "500m"}, "extra": 1, "list": [{"m": "1Gi"}]}
    assert align(config, canonical) == {
        "limits": {"cpu": "500m"},
        "zero": 0,
        "list": [{"m": "1Gi"}],
    }
