"""At the edges nothing fails: steady requests while instances, revisions and zero come and go."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from wakeful.testing.platform import until
from wakeful.testing.services import (
    AWAKE,
    FAST,
    Load,
    Namespace,
    a_service,
    clients,
    prober,
)

SLEEPERS = [f"sleeper-{number}" for number in range(8)]


@pytest.fixture(scope="module", autouse=True)
def services(namespace: Namespace) -> None:
    lazy = FAST | {"autoscaling.knative.dev/target-burst-capacity": "0"}
    namespace.apply(
        *(
            a_service(name, annotations=lazy if number % 2 else FAST)
            for number, name in enumerate(SLEEPERS)
        ),
        a_service("rolling", env={"TARGET": "0"}, annotations=FAST),
        a_service("waves", annotations=FAST | {"autoscaling.knative.dev/target": "5"}),
        a_service("losing", annotations=FAST | AWAKE | {"autoscaling.knative.dev/min-scale": "2"}),
    )
    namespace.ready(*SLEEPERS, "rolling", "waves", "losing")


@pytest.fixture(scope="module", autouse=True)
def sleepers(namespace: Namespace, services: None) -> Iterator[Load]:
    """Eight services are asked about when their window and grace are over, again and again.

    That takes its time, in which the other tests run.
    """
    load, since, stop = Load(), time.monotonic(), threading.Event()

    def ask(name: str) -> None:
        chance = random.Random(name)
        while not stop.is_set():
            try:
                load.add(namespace.ask(name), since)
            except (OSError, http.client.HTTPException) as err:
                load.add(err, since)
            stop.wait(chance.uniform(5.0, 9.0))

    threads = [threading.Thread(target=ask, args=(name,)) for name in SLEEPERS]
    for thread in threads:
        thread.start()
    yield load
    stop.set()
    for thread in threads:
        thread.join()


def more(load: Load, number: int) -> None:
    """Wait until so many more requests have been answered."""
    enough = load.total + number
    until(lambda: load.total >= enough)


def busy(namespace: Namespace, name: str) -> int:
    """How many requests the instances that happen to answer are at, besides ours."""
    answers = [namespace.ask(name, "/info").json() for _ in range(6)]
    return sum({answer["instance"]: answer["now"] - 1 for answer in answers}.values())


def test_rollouts_under_a_steady_stream(namespace: Namespace) -> None:
    """A hundred requests a second while three versions follow each other."""
    with prober(namespace, "rolling", 100) as load:
        for number in range(1, 4):
            namespace.apply(a_service("rolling", env={"TARGET": str(number)}, annotations=FAST))
            until(lambda n=number: namespace.ask("rolling").text == f"Hello {n}!\n")
        more(load, 100)
    load.check()
    assert set(load.bodies) == {f"Hello {number}!" for number in range(4)}


def test_waves_up_and_down_under_a_steady_stream(namespace: Namespace) -> None:
    """A crowd comes and goes: instances are added, drained and removed."""
    with prober(namespace, "waves", 50, "/?sleep=20") as load:
        with clients(namespace, "waves", 30, "/?sleep=100") as crowd:
            until(lambda: namespace.ready_pods("waves") >= 5)
            more(crowd, 200)
        until(lambda: namespace.ready_pods("waves") <= 2)
    load.check()
    crowd.check()


def test_a_request_outlives_the_order_to_stop(namespace: Namespace) -> None:
    """The instances that serve it are deleted by hand meanwhile."""
    before = {p["metadata"]["name"] for p in namespace.pods("losing")}
    with clients(namespace, "losing", 4, "/?sleep=3000") as load:
        until(lambda: busy(namespace, "losing") >= 4)
        namespace.kubectl("delete", "pod", *before, "--wait=false")
    load.check()
    until(lambda: not before & {p["metadata"]["name"] for p in namespace.pods("losing")})


def test_pods_deleted_by_hand_under_a_steady_stream(namespace: Namespace) -> None:
    with prober(namespace, "losing", 100, "/?sleep=20") as load:
        for _ in range(2):
            victim = namespace.pods("losing")[0]["metadata"]["name"]
            namespace.kubectl("delete", "pod", victim)
            until(lambda: namespace.ready_pods("losing") == 2)
    load.check()


def test_requests_at_the_moment_of_falling_asleep(sleepers: Load) -> None:
    until(lambda: sleepers.total >= len(SLEEPERS) * 3)
    sleepers.check()


def test_a_request_outlives_its_service(namespace: Namespace) -> None:
    """Deleting a service under load: what was taken is answered, what comes later gets a 404."""
    namespace.apply(a_service("deleted", annotations=FAST | AWAKE))
    namespace.ready("deleted")
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(namespace.ask, "deleted", "/?sleep=4000")
        until(lambda: namespace.ask("deleted").status == 200)

        namespace.kubectl("delete", "ksvc", "deleted")

        until(lambda: namespace.ask("deleted").status == 404)
        assert not slow.done()
        assert slow.result().status == 200
    until(lambda: not namespace.pods("deleted"), what="its instance ends after that")
