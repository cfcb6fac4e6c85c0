"""Scaling: bounds, beginnings, targets and the way to zero, by annotation and by config map."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from wakeful.testing.platform import until
from wakeful.testing.services import (
    AWAKE,
    FAST,
    Load,
    Namespace,
    a_service,
    at_once,
    clients,
    condition,
    prober,
)

KEY = "autoscaling.knative.dev/"


def scaled(**values: str) -> dict[str, str]:
    """Annotations with a short window; underscores stand for dashes."""
    return FAST | {KEY + name.replace("_", "-"): value for name, value in values.items()}


@pytest.fixture(scope="module", autouse=True)
def services(namespace: Namespace) -> Iterator[None]:
    allowed = {"allow-zero-initial-scale": "true"}
    with namespace.platform.configured("config-autoscaler", allowed):
        namespace.apply(
            a_service("single", annotations=scaled(max_scale="1"), containerConcurrency=1),
            a_service(
                "queue",
                annotations=scaled(max_scale="3", target_burst_capacity="-1"),
                containerConcurrency=1,
            ),
            a_service("minimum", annotations=scaled(minScale="2")),
            a_service("maximum", annotations=scaled(target="1", maxScale="3")),
            a_service("nothing", annotations=scaled(initial_scale="0")),
            a_service("leap", annotations=scaled(initial_scale="0", activation_scale="3")),
            a_service("rate", annotations=scaled(metric="rps", target="10", max_scale="6")),
            a_service("burst-always", annotations=scaled(target_burst_capacity="-1") | AWAKE),
            a_service("burst-never", annotations=scaled(target_burst_capacity="0") | AWAKE),
            a_service("brief", annotations=FAST),
            a_service("sleeper", annotations=scaled(target_burst_capacity="-1")),
            a_service("live", annotations={KEY + "max-scale": "2"}),
        )
        namespace.ready("single", "queue", "minimum", "maximum", "nothing", "leap")
        namespace.ready("rate", "burst-always", "burst-never", "sleeper", "brief", "live")
        yield


@pytest.fixture(scope="module", autouse=True)
def brief(namespace: Namespace, services: None) -> Iterator[tuple[set[str], Load]]:
    """A service that is asked once a second, beside the other tests, and who answered at first.

    The very first answer may still come from an instance that was about to go for lack of use.
    """
    with prober(namespace, "brief", 1, workers=2) as load:
        until(lambda: load.total > 3)
        yield set(load.instances), load


def why(namespace: Namespace, service: str) -> str:
    """Why the service has the scale it has, in words."""
    return namespace.platform.wakeful("explain", "ksvc", service, "-n", namespace.name).out


def created_pods(namespace: Namespace, revision: str) -> int:
    """How many instances the events of a revision's replica sets tell of."""
    selector = "reason=SuccessfulCreate,involvedObject.kind=ReplicaSet"
    events = namespace.get("events", "--field-selector", selector)["items"]
    return sum(e["involvedObject"]["name"].startswith(f"{revision}-") for e in events)


def test_the_first_scale_is_as_asked(namespace: Namespace) -> None:
    """Three at once; and none, which is Ready all the same."""
    annotations = {KEY + "initialScale": "3", KEY + "window": "60s"}
    namespace.apply(a_service("initial", annotations=annotations))
    namespace.ready("initial")
    # Without load it shrinks again within two seconds; that there were three is in the events.
    until(lambda: created_pods(namespace, "initial-00001") == 3)
    assert namespace.pods("nothing") == []
    revision = namespace.get("revision", "nothing-00001")
    assert condition(revision)["status"] == "True"
    assert condition(revision, "Active")["reason"] == "NoTraffic"
    assert namespace.ask("nothing").text == "Hello World!\n"
    until(
        lambda: condition(namespace.get("revision", "nothing-00001"), "Active")["status"] == "True"
    )


def test_waking_may_mean_several_at_once(namespace: Namespace) -> None:
    assert namespace.pods("leap") == []
    assert namespace.ask("leap").status == 200
    until(lambda: created_pods(namespace, "leap-00001") >= 3)


def test_one_at_a_time_is_never_two(namespace: Namespace) -> None:
    """A hard limit of one, eight callers: no instance ever sees a second request."""
    with clients(namespace, "single", 8, "/?sleep=50") as load:
        until(lambda: load.total > 20)
    load.check()
    assert namespace.ask("single", "/info").json()["most"] == 1
    assert len(namespace.pods("single")) == 1


def test_an_overload_is_queued_not_refused(namespace: Namespace) -> None:
    """A hundred at once for three instances that take one each: all answered."""
    load = at_once(namespace, "queue", 100, "/?sleep=50")
    load.check()
    assert load.total == 100
    assert len(namespace.pods("queue")) <= 3


def test_minimum_and_maximum_hold(namespace: Namespace) -> None:
    assert namespace.ready_pods("minimum") == 2
    with clients(namespace, "maximum", 20, "/?sleep=200") as load:
        until(lambda: namespace.ready_pods("maximum") == 3)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            assert len(namespace.pods("maximum")) <= 3
    load.check()
    assert namespace.ready_pods("minimum") == 2  # nobody called it meanwhile


def test_a_revisions_annotation_may_be_changed(namespace: Namespace) -> None:
    namespace.kubectl("annotate", "revision", "minimum-00001", KEY + "minScale=3", "--overwrite")
    until(lambda: namespace.ready_pods("minimum") == 3)
    namespace.kubectl("annotate", "revision", "minimum-00001", KEY + "minScale=1", "--overwrite")
    until(lambda: namespace.ready_pods("minimum") == 1)


def test_an_old_revision_keeps_its_minimum_until_the_new_one_serves(namespace: Namespace) -> None:
    namespace.kubectl("annotate", "revision", "minimum-00001", KEY + "minScale=2", "--overwrite")
    until(lambda: namespace.ready_pods("minimum", revision="minimum-00001") == 2)
    namespace.apply(
        a_service("minimum", annotations=scaled(minScale="2"), env={"START_DELAY": "3"})
    )
    while True:
        # In this order: an instance may go as soon as the new revision serves, not before.
        ready = namespace.ready_pods("minimum", revision="minimum-00001")
        latest = namespace.get("ksvc", "minimum")["status"]["latestReadyRevisionName"]
        if latest != "minimum-00001":
            break
        assert ready >= 2
    # Unrouted now, it does without its minimum.
    until(lambda: not namespace.pods("minimum", revision="minimum-00001"))
    until(lambda: namespace.ready_pods("minimum", revision="minimum-00002") == 2)


def test_requests_per_second_decide_when_asked_to(namespace: Namespace) -> None:
    """Twenty a second at ten each and the usual 70 %: three."""
    with prober(namespace, "rate", 20) as load:
        until(lambda: namespace.ready_pods("rate") == 3)
    load.check()


def test_requests_of_a_millisecond_keep_an_instance(brief: tuple[set[str], Load]) -> None:
    """One a second, never seen in flight: still in use, for longer than window and grace."""
    first, load = brief
    until(lambda: load.total > 15)
    load.check()
    assert set(load.instances) == first


def test_target_burst_capacity_decides_who_is_in_the_path(namespace: Namespace) -> None:
    """-1: always through the gate; 0 and nothing said: straight to the instances."""

    def mode(name: str) -> str:
        return str(namespace.get("sks", f"{name}-00001")["spec"]["mode"])

    until(lambda: mode("burst-never") == "Serve")
    assert mode("burst-always") == "Proxy"

    def through_the_gate(name: str) -> bool:
        return "k-proxy-request" in namespace.ask(name, "/info").json()["headers"]

    namespace.ask("live")  # says nothing; awake from now on
    assert [through_the_gate(name) for name in ("burst-always", "burst-never", "live")] == [
        True,
        False,
        False,
    ]


def test_zero_comes_within_window_and_grace(namespace: Namespace) -> None:
    """Six seconds of window: it goes when they and the grace are over, and wakes when asked."""
    namespace.ask("sleeper")
    begun = time.monotonic()
    namespace.asleep("sleeper")
    assert time.monotonic() - begun > 4
    revision = namespace.get("revision", "sleeper-00001")
    assert condition(revision)["status"] == "True"
    assert condition(revision, "Active")["status"] == "False"
    assert namespace.ask("sleeper").seconds < 10  # a figure is for the benchmark


def test_config_autoscaler_is_followed_live(namespace: Namespace) -> None:
    """A window of a minute, then of six seconds: the service without its own falls asleep."""
    long = {"stable-window": "60s", "enable-scale-to-zero": "false"}
    with namespace.platform.configured("config-autoscaler", long):
        namespace.ask("live")
        namespace.platform.configure("config-autoscaler", {"stable-window": "6s"})
        until(lambda: "enable-scale-to-zero is off: one instance stays" in why(namespace, "live"))
        assert namespace.ready_pods("live") == 1
        namespace.platform.configure("config-autoscaler", {"enable-scale-to-zero": "true"})
        namespace.asleep("live")


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("max-scale-up-rate", "1", "max-scale-up-rate = 1, must be greater than 1.0"),
        (
            "scale-to-zero-grace-period",
            "0s",
            "scale-to-zero-grace-period must be positive, was: 0s",
        ),
        ("stable-window", "soon", "stable-window"),
    ],
)
def test_bad_settings_are_refused(namespace: Namespace, key: str, value: str, text: str) -> None:
    answer = namespace.platform.configure("config-autoscaler", {key: value}, check=False)
    assert answer.code != 0
    assert 'admission webhook "config.webhook.serving.knative.dev" denied the request' in answer.err
    assert text in answer.err


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        ({"minScale": "3", "maxScale": "1"}, "is less than min-scale"),
        ({"target": "0"}, "target 0 should be at least 0.01"),
        ({"window": "soon"}, "invalid value: soon"),
        ({"metric": "moon"}, "invalid value: moon"),
        ({"class": "some.knative.dev"}, "invalid value: some.knative.dev"),
    ],
)
def test_bad_annotations_are_refused(
    namespace: Namespace, annotation: dict[str, str], text: str
) -> None:
    annotations = {KEY + name: value for name, value in annotation.items()}
    answer = namespace.apply(a_service("refused", annotations=annotations), check=False)
    assert answer.code != 0
    assert text in answer.err
    assert "spec.template.metadata.annotations.autoscaling.knative.dev/" in answer.err


def test_explain_tells_why(namespace: Namespace) -> None:
    namespace.ask("maximum")
    assert "maximum" in why(namespace, "maximum")


def test_the_autoscalers_figures_can_be_scraped(namespace: Namespace) -> None:
    namespace.ask("maximum")
    page = namespace.platform.kubectl("get", "--raw", "/metrics").out
    labels = (f'k8s_namespace_name="{namespace.name}"', 'kn_service_name="maximum"')
    counts = [
        float(line.rpartition(" ")[2])
        for line in page.splitlines()
        if line.startswith("kn_revision_pods_count{") and all(label in line for label in labels)
    ]
    assert max(counts) >= 1


def test_scale_down_may_be_delayed(namespace: Namespace) -> None:
    """What was needed once is kept as long as the delay lasts, long after the window."""
    annotations = scaled(window="1s", scale_down_delay="10s")
    namespace.apply(a_service("delayed", annotations=annotations))
    namespace.ready("delayed")
    with prober(namespace, "delayed", 4, workers=2) as load:
        until(lambda: load.total >= 12)
    begun = time.monotonic()
    namespace.asleep("delayed")
    assert time.monotonic() - begun > 5  # a starved autoscaler saw the last need some time before
