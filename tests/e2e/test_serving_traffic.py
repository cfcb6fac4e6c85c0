"""Traffic: shares, tags, going back, domains and visibility, followed live by the gateway."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wakeful.testing.platform import until
from wakeful.testing.services import (
    AWAKE,
    FAST,
    Namespace,
    a_service,
    clients,
    condition,
    requests,
)


def blue(name: str, **options: Any) -> dict[str, Any]:
    return a_service(name, revision=f"{name}-blue", env={"TARGET": "blue"}, **options)


def green(name: str, **options: Any) -> dict[str, Any]:
    return a_service(name, revision=f"{name}-green", env={"TARGET": "green"}, **options)


def share(revision: str, percent: int | None = None, tag: str = "") -> dict[str, Any]:
    target: dict[str, Any] = {"revisionName": revision}
    if percent is not None:
        target["percent"] = percent
    if tag:
        target["tag"] = tag
    return target


def set_traffic(namespace: Namespace, name: str, *targets: dict[str, Any]) -> None:
    patch = json.dumps({"spec": {"traffic": targets}})
    namespace.kubectl("patch", "ksvc", name, "--type=merge", "-p", patch)
    namespace.ready(name)


def shown(namespace: Namespace, name: str) -> list[dict[str, Any]]:
    return list(namespace.get("ksvc", name)["status"]["traffic"])


@pytest.fixture(scope="module", autouse=True)
def services(namespace: Namespace) -> None:
    """Two colours of each service."""
    names = ("split", "colours", "back", "shown")
    namespace.apply(
        *(blue(name, annotations=FAST | AWAKE) for name in names),
        a_service("private", labels={"networking.knative.dev/visibility": "cluster-local"}),
        a_service("hidden", labels={"serving.knative.dev/visibility": "cluster-local"}),
        a_service("caller", annotations=AWAKE),
    )
    namespace.ready(*names, "private", "hidden", "caller")
    namespace.apply(
        *(
            green(
                name,
                annotations=FAST | AWAKE,
                traffic=[share(f"{name}-blue", 100), {"latestRevision": True, "tag": "next"}],
            )
            for name in names
        )
    )
    namespace.ready(*names)


def test_a_revision_without_a_share_answers_under_its_tag_only(namespace: Namespace) -> None:
    """What the book does before it gives a version traffic."""
    set_traffic(
        namespace, "shown", share("shown-blue", 100), {"latestRevision": True, "tag": "next"}
    )
    assert set(requests(namespace, "shown", 50).bodies) == {"Hello blue!"}
    assert namespace.ask("shown", tag="next").text == "Hello green!\n"
    assert shown(namespace, "shown") == [
        {"latestRevision": False, "percent": 100, "revisionName": "shown-blue"},
        {
            "latestRevision": True,
            "percent": 0,
            "revisionName": "shown-green",
            "tag": "next",
            "url": namespace.url("shown", "next"),
        },
    ]


def test_shares_are_exact(namespace: Namespace) -> None:
    """A thousand requests at 90 to 10: each share within four standard deviations."""
    set_traffic(namespace, "split", share("split-blue", 90, "v1"), share("split-green", 10, "v2"))
    load = requests(namespace, "split", 1000)
    load.check()
    assert set(load.bodies) == {"Hello blue!", "Hello green!"}
    assert 62 <= load.bodies["Hello green!"] <= 138
    assert set(requests(namespace, "split", 20, tag="v1").bodies) == {"Hello blue!"}
    assert set(requests(namespace, "split", 20, tag="v2").bodies) == {"Hello green!"}


def test_blue_and_green_by_halves(namespace: Namespace) -> None:
    """Each colour gets at least a quarter; a tag's address is pure."""
    set_traffic(
        namespace, "colours", share("colours-blue", 50, "blue"), share("colours-green", 50, "green")
    )
    load = requests(namespace, "colours", 200)
    load.check()
    assert min(load.bodies["Hello blue!"], load.bodies["Hello green!"]) >= 50
    for colour in ("blue", "green"):
        assert set(requests(namespace, "colours", 20, tag=colour).bodies) == {f"Hello {colour}!"}


def test_moving_and_going_back_loses_no_request(namespace: Namespace) -> None:
    """To green at once, back to blue, tags removed: all requests are answered meanwhile."""
    with clients(namespace, "back", 4) as load:
        set_traffic(namespace, "back", share("back-green", 100))
        until(lambda: set(requests(namespace, "back", 20).bodies) == {"Hello green!"})
        set_traffic(namespace, "back", share("back-blue", 100))
        until(lambda: set(requests(namespace, "back", 20).bodies) == {"Hello blue!"})
    load.check()
    # The tag went with the first change.
    assert namespace.ask("back", tag="next").status == 404


def test_traffic_to_what_does_not_exist_is_reported_and_the_old_stays(namespace: Namespace) -> None:
    patch = json.dumps({"spec": {"traffic": [share("shown-none", 100)]}})
    namespace.kubectl("patch", "ksvc", "shown", "--type=merge", "-p", patch)
    found = until(
        lambda: (
            (c := condition(namespace.get("ksvc", "shown"), "RoutesReady"))["status"] == "False"
            and c
        )
    )
    assert found["reason"] == "RevisionMissing"
    assert found["message"] == 'Revision "shown-none" referenced in traffic not found.'
    assert namespace.ask("shown").text == "Hello blue!\n"
    set_traffic(namespace, "shown", share("shown-blue", 100))


@pytest.mark.parametrize(
    ("targets", "text"),
    [
        ([share("shown-blue", 90)], "Traffic targets sum to 90, want 100: spec.traffic"),
        (
            [share("shown-blue", 50, "a"), share("shown-green", 50, "a")],
            'Multiple definitions for "a": spec.traffic[0].tag, spec.traffic[1].tag',
        ),
        ([share("shown-blue", 100, "Bad_Tag")], "not a DNS 1035 label"),
        (
            [{"revisionName": "shown-blue", "latestRevision": True, "percent": 100}],
            'may not set revisionName "shown-blue" when latestRevision is true',
        ),
        ([share("shown-blue", 101)], "expected 0 <= 101 <= 100: spec.traffic[0].percent"),
    ],
)
def test_wrong_traffic_is_refused(
    namespace: Namespace, targets: list[dict[str, Any]], text: str
) -> None:
    patch = json.dumps({"spec": {"traffic": targets}})
    answer = namespace.kubectl("patch", "ksvc", "shown", "--type=merge", "-p", patch, check=False)
    assert answer.code != 0
    assert text in answer.err


def test_foreign_revisions_are_not_ours_to_route_to(namespace: Namespace) -> None:
    patch = json.dumps({"spec": {"traffic": [share("split-blue", 100)]}})
    namespace.kubectl("patch", "ksvc", "shown", "--type=merge", "-p", patch)
    found = until(
        lambda: (
            (c := condition(namespace.get("ksvc", "shown"), "RoutesReady")).get("reason")
            == "RevisionNotOwned"
            and c
        )
    )
    assert (
        found["message"] == 'Revision "split-blue" belongs to Service "split", not Service "shown".'
    )
    set_traffic(namespace, "shown", share("shown-blue", 100))


def test_cluster_local_services_are_not_reached_from_outside(namespace: Namespace) -> None:
    """By none of their names."""
    for name in ("private", "hidden"):
        local = f"{name}.{namespace.name}.svc.cluster.local"
        assert namespace.get("ksvc", name)["status"]["url"] == f"http://{local}"
        assert namespace.ask(name).status == 404
        assert namespace.ask(local).status == 404


def test_visibility_follows_its_label(namespace: Namespace) -> None:
    """On the Service, and on the Kubernetes Service of one tag."""
    set_traffic(namespace, "colours", share("colours-blue", 100, "blue"))
    namespace.kubectl(
        "label", "service", "blue-colours", "networking.knative.dev/visibility=cluster-local"
    )
    until(lambda: namespace.ask("colours", tag="blue").status == 404)
    assert namespace.ask("colours").status == 200
    namespace.kubectl("label", "service", "blue-colours", "networking.knative.dev/visibility-")
    until(lambda: namespace.ask("colours", tag="blue").status == 200)

    namespace.kubectl("label", "ksvc", "colours", "networking.knative.dev/visibility=cluster-local")
    until(lambda: namespace.ask("colours").status == 404)
    until(
        lambda: (
            namespace.get("ksvc", "colours")["status"]["url"]
            == f"http://colours.{namespace.name}.svc.cluster.local"
        )
    )
    namespace.kubectl("label", "ksvc", "colours", "networking.knative.dev/visibility-")
    until(lambda: namespace.ask("colours").status == 200)


def test_a_domain_that_is_added_moves_services_live(namespace: Namespace) -> None:
    """As in the book: another entry of config-domain, here for labelled services only."""
    moved = "selector:\n  app: moved\n"
    host = f"back.{namespace.name}.knative.kuberun.com"
    domains = {"knative.kuberun.com": moved, "other.test": None}
    with namespace.platform.configured("config-domain", domains):
        namespace.kubectl("label", "ksvc", "back", "app=moved")
        until(lambda: namespace.ask(host).status == 200)
        status = until(
            lambda: (
                host in (s := namespace.get("ksvc", "back")["status"])["url"]
                and condition({"status": s})["status"] == "True"
                and s
            )
        )
        assert status["domain"] == host
        until(lambda: namespace.ask("back").status == 404)
        # And one that is written again.
        other = {"knative.kuberun.com": None, "other.test": moved}
        namespace.platform.configure("config-domain", other)
        until(lambda: namespace.ask(f"back.{namespace.name}.other.test").status == 200)
        until(lambda: namespace.ask(host).status == 404)
    until(lambda: namespace.ask("back").status == 200)


def test_a_bad_domain_map_is_refused(namespace: Namespace) -> None:
    bad = {"some.test": "selector: nonsense"}
    answer = namespace.platform.configure("config-domain", bad, check=False)
    assert answer.code != 0
    assert 'admission webhook "config.webhook.serving.knative.dev" denied the request' in answer.err


def test_a_gradual_rollout_moves_in_one_direction(namespace: Namespace) -> None:
    """Over its duration the share of the new revision only grows, and nothing fails."""
    slow = {"serving.knative.dev/rollout-duration": "6s"}
    first = a_service("gradual", env={"TARGET": "old"}, annotations=AWAKE, service_annotations=slow)
    namespace.apply(first)
    namespace.ready("gradual")
    seen: list[int] = []
    with clients(namespace, "gradual", 4) as load:
        namespace.apply(
            a_service("gradual", env={"TARGET": "new"}, annotations=AWAKE, service_annotations=slow)
        )

        def moved() -> bool:
            status = namespace.get("ksvc", "gradual")["status"]
            new = [t for t in status["traffic"] if t["revisionName"] == "gradual-00002"]
            seen.append(new[0]["percent"] if new else 0)
            return seen[-1] == 100

        until(moved)
        namespace.ready("gradual")
    load.check()
    assert seen == sorted(seen)
    assert any(0 < percent < 100 for percent in seen)


def test_a_header_picks_the_tag_where_that_is_switched_on(namespace: Namespace) -> None:
    """An unknown tag, or none, goes the usual way."""
    set_traffic(
        namespace, "split", share("split-blue", 100, "blue"), share("split-green", 0, "green")
    )

    def answer(tag: str) -> str:
        return namespace.ask("split", headers={"Knative-Serving-Tag": tag}).text

    by_header = {"tag-header-based-routing": "Enabled"}
    with namespace.platform.configured("config-features", by_header):
        until(lambda: answer("green") == "Hello green!\n")
        assert answer("blue") == answer("nobody") == "Hello blue!\n"
        assert namespace.ask("split").text == "Hello blue!\n"
    until(lambda: answer("green") == "Hello blue!\n")
