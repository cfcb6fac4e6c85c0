"""Services as objects: what a change makes, its names, what is copied, what goes along."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from wakeful.testing.platform import until
from wakeful.testing.services import FAST, Namespace, a_service, condition

KINDS = (
    "configurations,routes.serving.knative.dev,revisions,deployments,replicasets,pods,"
    "podautoscalers,metrics.autoscaling.internal.knative.dev,serverlessservices,"
    "ingresses.networking.internal.knative.dev,services,endpoints,endpointslices,images.caching.internal.knative.dev"
)


@pytest.fixture(scope="module", autouse=True)
def services(namespace: Namespace) -> None:
    """All of this module's first generations at once."""
    namespace.apply(
        a_service("life", env={"TARGET": "one"}, annotations=FAST),
        a_service("byo", revision="byo-first", env={"TARGET": "first"}, annotations=FAST),
        a_service("copied", labels={"team": "blue"}, service_annotations={"example.org/a": "1"}),
        a_service("gone"),
        a_service("old-one", version="v1alpha1"),
        a_service("old-two", version="v1beta1"),
    )
    namespace.ready("life", "byo", "copied", "gone", "old-one", "old-two")


def test_each_change_of_the_template_makes_a_revision(namespace: Namespace) -> None:
    """Image or environment, a label, an annotation: four generations, names and labels follow."""
    service = namespace.get("ksvc", "life")
    assert service["status"]["latestReadyRevisionName"] == "life-00001"
    assert service["status"]["url"] == namespace.url("life")
    by = service["metadata"]["annotations"]
    assert by["serving.knative.dev/creator"] == by["serving.knative.dev/lastModifier"] != ""

    changes = [
        {
            "spec": {
                "containers": [
                    {"image": "dev.local/e2e/probe", "env": [{"name": "TARGET", "value": "two"}]}
                ]
            }
        },
        {"metadata": {"labels": {"extra": "label"}}},
        {"metadata": {"annotations": {"example.org/extra": "annotation"}}},
    ]
    for number, change in enumerate(changes, start=2):
        patch = json.dumps({"spec": {"template": change}})
        namespace.kubectl("patch", "ksvc", "life", "--type=merge", "-p", patch)
        name = f"life-{number:05}"
        until(
            lambda name=name: (
                namespace.get("ksvc", "life")["status"].get("latestReadyRevisionName") == name
            )
        )
        namespace.ready("life")

    service = namespace.get("ksvc", "life")
    assert service["metadata"]["generation"] == service["status"]["observedGeneration"] == 4
    assert service["status"]["latestCreatedRevisionName"] == "life-00004"
    assert namespace.ask("life").text == "Hello two!\n"
    revisions = namespace.get("revisions", "-l", "serving.knative.dev/service=life")["items"]
    assert sorted(
        r["metadata"]["labels"]["serving.knative.dev/configurationGeneration"] for r in revisions
    ) == [
        "1",
        "2",
        "3",
        "4",
    ]
    last = next(r for r in revisions if r["metadata"]["name"] == "life-00004")
    assert last["metadata"]["labels"]["extra"] == "label"
    assert last["metadata"]["annotations"]["example.org/extra"] == "annotation"
    assert last["metadata"]["labels"]["serving.knative.dev/configuration"] == "life"
    assert last["metadata"]["labels"]["serving.knative.dev/routingState"] == "active"
    statuses = last["status"]["containerStatuses"]
    assert [s["name"] for s in statuses] == ["user-container"]


def test_list_entries_equal_what_get_returns(namespace: Namespace) -> None:
    for kind in ("ksvc", "configuration", "route.serving.knative.dev"):
        listed = {o["metadata"]["name"]: o for o in namespace.get(kind)["items"]}
        assert listed["copied"] == namespace.get(kind, "copied")


def test_own_revision_names_are_used_and_kept(namespace: Namespace) -> None:
    """The named revision is used as is; other contents under its name are refused."""
    assert namespace.get("ksvc", "byo")["status"]["latestReadyRevisionName"] == "byo-first"

    changed = a_service("byo", revision="byo-first", env={"TARGET": "second"}, annotations=FAST)
    refused = namespace.apply(changed, check=False)
    assert refused.code != 0
    assert (
        "Saw the following changes without a name change (-old +new): spec.template.metadata.name"
        in refused.err
    )
    foreign = namespace.apply(a_service("byo", revision="other-name"), check=False)
    assert (
        'invalid value: "other-name" must have prefix "byo-": spec.template.metadata.name'
        in foreign.err
    )

    namespace.apply(
        a_service("byo", revision="byo-second", env={"TARGET": "second"}, annotations=FAST)
    )
    until(lambda: namespace.ask("byo").text == "Hello second!\n")
    namespace.ready("byo")

    # Back to the first: latestReady and latestCreated may go back with the name.
    namespace.apply(
        a_service("byo", revision="byo-first", env={"TARGET": "first"}, annotations=FAST)
    )
    until(lambda: namespace.ask("byo").text == "Hello first!\n")
    status = until(
        lambda: (
            (s := namespace.get("ksvc", "byo")["status"])["latestReadyRevisionName"] == "byo-first"
            and s
        )
    )
    assert status["latestCreatedRevisionName"] == "byo-first"


def test_a_taken_revision_name_leaves_traffic_alone(namespace: Namespace) -> None:
    namespace.apply(a_service("taken", env={"TARGET": "mine"}))
    namespace.ready("taken")
    configuration = a_service("thief", revision="taken-later")
    # A Configuration of the same prefix takes the name first.
    namespace.apply(
        {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Configuration",
            "metadata": {"name": "taken-later-by"},
            "spec": configuration["spec"]
            | {"template": configuration["spec"]["template"] | {"metadata": {}}},
        }
    )
    until(lambda: condition(namespace.get("configuration", "taken-later-by"))["status"] == "True")
    assert namespace.get("revision", "taken-later-by-00001")

    namespace.apply(a_service("taken", revision="taken-later-by-00001", env={"TARGET": "new"}))
    found = until(
        lambda: (
            (c := condition(namespace.get("ksvc", "taken"), "RoutesReady")).get("reason")
            == "RevisionNameTaken"
            and c
        )
    )
    assert found["message"] == (
        'The revision name "taken-later-by-00001" is taken by a conflicting Revision,'
        " so traffic will not be migrated"
    )
    assert namespace.ask("taken").text == "Hello mine!\n"


def test_labels_and_annotations_reach_the_children_and_leave_again(namespace: Namespace) -> None:
    for kind in ("configuration", "route.serving.knative.dev"):
        child = namespace.get(kind, "copied")["metadata"]
        assert child["labels"]["team"] == "blue"
        assert child["labels"]["serving.knative.dev/service"] == "copied"
        assert child["annotations"]["example.org/a"] == "1"
    assert namespace.get("service", "copied")["metadata"]["labels"]["team"] == "blue"

    namespace.kubectl("label", "ksvc", "copied", "team-", "size=xl")
    namespace.kubectl("annotate", "ksvc", "copied", "example.org/a-", "example.org/b=2")

    def copied(kind: str) -> bool:
        child = namespace.get(kind, "copied")["metadata"]
        labels, notes = child.get("labels") or {}, child.get("annotations") or {}
        if kind == "service":
            return labels.get("size") == "xl"  # what others put there stays
        right = "team" not in labels and labels.get("size") == "xl"
        return right and "example.org/a" not in notes and notes.get("example.org/b") == "2"

    for kind in ("configuration", "route.serving.knative.dev", "service"):
        until(lambda kind=kind: copied(kind), what=f"{kind} follows")
    # The metadata of a Service is not its template.
    assert namespace.get("ksvc", "copied")["metadata"]["generation"] == 1
    assert len(namespace.get("revisions", "-l", "serving.knative.dev/service=copied")["items"]) == 1
    revision = namespace.get("revision", "copied-00001")["metadata"]
    assert "size" not in revision["labels"]


def test_one_object_under_three_versions(namespace: Namespace) -> None:
    for version in ("v1alpha1", "v1beta1", "v1"):
        for name in ("old-one", "old-two", "life"):
            service = namespace.get(f"services.{version}.serving.knative.dev", name)
            assert service["apiVersion"] == f"serving.knative.dev/{version}"
            assert service["spec"]["template"]["spec"]["containers"]
            assert service["status"]["domain"] == namespace.host(name)
    assert namespace.ask("old-one").status == namespace.ask("old-two").status == 200


def test_generated_names(namespace: Namespace) -> None:
    for version, kind in (("v1", "Service"), ("v1", "Configuration")):
        thing = a_service("unused", version=version)
        thing["kind"] = kind
        thing["metadata"] = {"generateName": "made-"}
        answer = namespace.kubectl("create", "-f", "-", "-o", "name", stdin=json.dumps(thing))
        name = answer.out.strip().rpartition("/")[2]
        assert name.startswith("made-")
        until(
            lambda n=name, k=kind: (
                condition(namespace.get(f"{k}s.serving.knative.dev".lower(), n))["status"] == "True"
            )
        )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"timeoutSeconds": 601}, "expected 0 <= 601 <= 600: spec.template.spec.timeoutSeconds"),
        (
            {"containerConcurrency": 1001},
            "expected 0 <= 1001 <= 1000: spec.template.spec.containerConcurrency",
        ),
        (
            {"serviceAccountName": "foo@bar.baz"},
            "foo@bar.baz: spec.template.spec.serviceAccountName",
        ),
        ({"containers": []}, "missing field(s): spec.template.spec.containers"),
        (
            {"containers": [{"image": "x", "env": [{"name": "PORT", "value": "1"}]}]},
            '"PORT" is a reserved environment variable: '
            "spec.template.spec.containers[0].env[0].name",
        ),
        (
            {"containers": [{"image": "x", "ports": [{"containerPort": 1}, {"containerPort": 2}]}]},
            "more than one container port is set",
        ),
        (
            {
                "containers": [
                    {"image": "x", "lifecycle": {"preStop": {"exec": {"command": ["x"]}}}}
                ]
            },
            "must not set the field(s): spec.template.spec.containers[0].lifecycle",
        ),
        (
            {"containers": [{"image": "x", "ports": [{"name": "grpc", "containerPort": 1}]}]},
            "Port name grpc is not allowed",
        ),
        (
            {"containers": [{"image": "x", "securityContext": {"runAsUser": -10}}]},
            "expected 0 <= -10 <= 2147483647",
        ),
    ],
)
def test_refusals_say_what_and_where(namespace: Namespace, change: object, text: str) -> None:
    service = a_service("refused")
    service["spec"]["template"]["spec"].update(change)
    answer = namespace.apply(service, check=False)
    assert answer.code != 0
    assert "denied the request: validation failed: " in answer.err
    assert text in answer.err


def test_configurations_and_routes_without_a_service(namespace: Namespace) -> None:
    """A Route follows a Configuration's newest ready revision; metadata alone makes none."""
    api = {"apiVersion": "serving.knative.dev/v1", "metadata": {"name": "bare"}}
    configuration = api | {"kind": "Configuration", "spec": {"template": template("first")}}
    target = {"configurationName": "bare", "percent": 100}
    route = api | {"kind": "Route", "spec": {"traffic": [target]}}
    namespace.apply(configuration, route)
    until(lambda: namespace.ask("bare").text == "Hello first!\n")

    namespace.kubectl("label", "configuration", "bare", "some=label")
    namespace.apply(configuration | {"spec": {"template": template("second")}})
    until(lambda: namespace.ask("bare").text == "Hello second!\n")
    revisions = namespace.get("revisions", "-l", "serving.knative.dev/configuration=bare")["items"]
    assert [r["metadata"]["name"] for r in revisions] == ["bare-00001", "bare-00002"]
    assert all("some" not in r["metadata"]["labels"] for r in revisions)
    namespace.kubectl("delete", "route.serving.knative.dev/bare", "configuration/bare")
    until(lambda: namespace.ask("bare").status == 404)


def template(target: str) -> dict[str, Any]:
    found: dict[str, Any] = a_service("unused", env={"TARGET": target})["spec"]["template"]
    return found


def test_a_dry_run_tries_the_pod_as_well(namespace: Namespace) -> None:
    """What only a Pod's own validation finds is told before anything is changed."""
    bad = {"containers": [{"image": "dev.local/e2e/probe", "name": "&InvalidValue"}]}
    patch = json.dumps({"spec": {"template": {"spec": bad}}})
    answer = namespace.kubectl(
        "patch", "ksvc", "old-two", "--type=merge", "--dry-run=server", "-p", patch, check=False
    )
    assert answer.code != 0
    assert "validation callback failed" in answer.err


def test_one_name_in_two_namespaces(namespace: Namespace) -> None:
    other = Namespace(namespace.platform, f"{namespace.name}-too")
    namespace.platform.kubectl("create", "namespace", other.name)
    try:
        other.apply(a_service("copied", env={"TARGET": "elsewhere"}))
        other.ready("copied")
        assert other.ask("copied").text == "Hello elsewhere!\n"
        assert namespace.ask("copied").text == "Hello World!\n"
    finally:
        namespace.platform.kubectl("delete", "namespace", other.name, "--wait=false")


def test_the_way_of_kn(namespace: Namespace) -> None:
    """Create, follow by a watch on the name, change by replacing the whole object, list."""
    by_client = {
        "client.knative.dev/user-image": "dev.local/e2e/probe",
        "client.knative.dev/updateTimestamp": "2026-01-01T00:00:00Z",
    }
    service = a_service("by-kn", annotations=by_client)
    namespace.kubectl("create", "-f", "-", stdin=json.dumps(service))
    namespace.ready("by-kn")
    found = namespace.get("ksvc", "by-kn")
    assert found["spec"]["template"]["metadata"]["annotations"] == by_client

    stale = json.loads(json.dumps(found))
    template = found["spec"]["template"]
    template["metadata"]["name"] = "by-kn-abcde-2"
    template["spec"]["containers"][0]["env"] = [{"name": "TARGET", "value": "kn"}]
    namespace.kubectl("replace", "-f", "-", stdin=json.dumps(found))
    path = f"/apis/serving.knative.dev/v1/namespaces/{namespace.name}/services"
    query = f"watch=true&fieldSelector=metadata.name%3Dby-kn&resourceVersion={version_of(stale)}"
    namespace.ready("by-kn")
    events = namespace.kubectl("get", "--raw", f"{path}?{query}&timeoutSeconds=3").out
    seen = [json.loads(line) for line in events.splitlines()]
    assert {e["object"]["metadata"]["name"] for e in seen} == {"by-kn"}
    last = seen[-1]["object"]
    assert last["status"]["latestReadyRevisionName"] == "by-kn-abcde-2"
    assert condition(last)["status"] == "True"
    conflict = namespace.kubectl("replace", "-f", "-", stdin=json.dumps(stale), check=False)
    assert "the object has been modified" in conflict.err
    listed = namespace.kubectl("get", "revisions", "-l", "serving.knative.dev/service=by-kn")
    assert len(listed.out.splitlines()) == 3


def version_of(thing: dict[str, Any]) -> str:
    return str(thing["metadata"]["resourceVersion"])


def test_old_revisions_are_collected(namespace: Namespace) -> None:
    """With short settings what nobody routes to goes; what is routed to, or marked, stays."""
    keep = {"serving.knative.dev/no-gc": "true"}
    namespace.apply(a_service("aged", env={"TARGET": "0"}, annotations=keep))
    namespace.ready("aged")
    for number in (1, 2):
        namespace.apply(a_service("aged", env={"TARGET": str(number)}))
        until(lambda n=number: namespace.ask("aged").text == f"Hello {n}!\n")
        namespace.ready("aged")
    short = {
        "retain-since-create-time": "2s",
        "retain-since-last-active-time": "2s",
        "min-non-active-revisions": "0",
    }

    def left() -> set[str]:
        items = namespace.get("revisions", "-l", "serving.knative.dev/service=aged")["items"]
        return {item["metadata"]["name"] for item in items}

    with namespace.platform.configured("config-gc", short):
        time.sleep(2)  # until it is old enough
        namespace.apply(a_service("aged", env={"TARGET": "3"}))
        until(lambda: left() == {"aged-00001", "aged-00004"}, what="collected")
    assert namespace.ask("aged").text == "Hello 3!\n"


def test_deleting_a_service_takes_all_of_it_away(namespace: Namespace) -> None:
    """Everything it owned, instances and routes included."""
    assert namespace.ask("gone").status == 200
    pods = [p["metadata"]["name"] for p in namespace.pods("gone")]
    assert pods

    namespace.kubectl("delete", "ksvc", "gone")

    until(lambda: namespace.ask("gone").status == 404, what="the route is gone")

    def left() -> list[str]:
        items = namespace.get(KINDS)["items"]
        return [
            f"{i['kind']}/{i['metadata']['name']}"
            for i in items
            if i["metadata"]["name"].startswith("gone")
        ]

    until(lambda: not left(), what=f"nothing is left of {left()}")


def test_tables_read_as_in_the_book(namespace: Namespace) -> None:
    def header(kind: str) -> list[str]:
        return namespace.kubectl("get", kind).out.splitlines()[0].split()

    assert header("ksvc") == ["NAME", "URL", "LATESTCREATED", "LATESTREADY", "READY", "REASON"]
    assert header("configuration") == ["NAME", "LATESTCREATED", "LATESTREADY", "READY", "REASON"]
    assert header("rt") == ["NAME", "URL", "READY", "REASON"]
    revisions = namespace.kubectl("get", "revision").out.splitlines()[0]
    assert revisions.split("   ")[0] == "NAME"
    for column in ("CONFIG NAME", "K8S SERVICE NAME", "GENERATION", "READY", "REASON"):
        assert column in revisions
