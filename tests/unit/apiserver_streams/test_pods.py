from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from wakeful.apimachinery.errors import BadRequestError, NotFoundError
from wakeful.apiserver.protocols import PodRef
from wakeful.apiserver.streams.channels import exit_status
from wakeful.apiserver.streams.pods import choose_container, find_pod, parse_exec, parse_log
from wakeful.apiserver.streams.websocket import parse_size


def pod(*containers: str, node: str = "here", init: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "uid": "u"},
        "spec": {
            "nodeName": node,
            "containers": [{"name": c} for c in containers],
            "initContainers": [{"name": c} for c in init],
        },
    }


class Pods:
    def __init__(self, found: dict[str, Any] | None) -> None:
        self._found = found

    def get(self, group: str, plural: str, name: str, namespace: str = "") -> Any:
        return self._found


def test_find_pod() -> None:
    found = pod("a")
    assert find_pod(Pods(found), "ns", "p") == (found, PodRef("ns", "p", "u"))
    with pytest.raises(NotFoundError):
        find_pod(Pods(None), "ns", "p")
    with pytest.raises(BadRequestError, match="does not have a host assigned"):
        find_pod(Pods(pod("a", node="")), "ns", "p")


def test_choose_container() -> None:
    assert choose_container(pod("a"), "") == "a"
    assert choose_container(pod("a", "b"), "b") == "b"
    assert choose_container(pod("a", init=("i",)), "i") == "i"
    with pytest.raises(BadRequestError, match=r"choose one of: \[a b\]$"):
        choose_container(pod("a", "b"), "")
    with pytest.raises(BadRequestError, match=r"or one of the init containers: \[i\]$"):
        choose_container(pod("a", init=("i",)), "")
    with pytest.raises(BadRequestError, match="container z is not valid for pod p"):
        choose_container(pod("a"), "z")


def test_parse_exec() -> None:
    request = make_mocked_request(
        "POST", "/exec?command=sh&command=-c&stdin=true&stdout=1&stderr=true&tty=true"
    )
    options = parse_exec(request, pod("a"), attach=False)
    assert options.command == ("sh", "-c")
    assert (options.stdin, options.stdout, options.stderr, options.tty) == (True, True, False, True)
    for query, text in (
        ("command=sh", "at least 1 of"),
        ("stdout=true", "at least one command"),
        ("stdout=maybe&command=sh", "is not a boolean"),
    ):
        with pytest.raises(BadRequestError, match=text):
            parse_exec(make_mocked_request("POST", f"/exec?{query}"), pod("a"), attach=False)
    assert parse_exec(make_mocked_request("POST", "/?stdout=1"), pod("a"), attach=True)


def test_exit_status() -> None:
    assert exit_status(0)["status"] == "Success"
    assert exit_status(3)["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b'{"Width":99,"Height":30}', (99, 30)),
        (b'{"Width":0,"Height":30}', None),
        (b'{"Width":"x","Height":30}', None),
        (b"[]", None),
        (b"junk", None),
    ],
)
def test_sizes(data: bytes, size: tuple[int, int] | None) -> None:
    assert parse_size(data) == size


def test_a_revisions_pod_has_a_log_of_requests() -> None:
    """Under the name of the container that writes it upstream; others have no such container."""
    request = make_mocked_request("GET", "/log?container=queue-proxy")
    revisions = pod("a")
    revisions["metadata"]["labels"] = {"serving.knative.dev/revision": "hello-00001"}

    assert parse_log(request, revisions, datetime.now(UTC)).container == "queue-proxy"
    with pytest.raises(BadRequestError, match="container queue-proxy is not valid"):
        parse_log(request, pod("a"), datetime.now(UTC))
    with pytest.raises(BadRequestError, match="container queue-proxy is not valid"):
        choose_container(revisions, "queue-proxy")
