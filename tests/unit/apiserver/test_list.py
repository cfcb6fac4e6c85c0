from __future__ import annotations

from typing import Any

import pytest

from wakeful.apimachinery.errors import (
    BadRequestError,
    ExpiredError,
    InvalidError,
    TimedOutError,
)
from wakeful.apimachinery.request import Verb
from wakeful.storage.history import History


@pytest.fixture
async def many(world: Any, widget: Any) -> Any:
    for i in range(25):
        obj = widget(size=i)
        obj["metadata"] |= {"name": f"w{i:02}", "labels": {"even": str(i % 2 == 0).lower()}}
        await world.create(obj)
    return world


def names(response: Any) -> list[str]:
    return [item["metadata"]["name"] for item in response.object["items"]]


async def test_list_has_kind_and_version(many: Any) -> None:
    """A watch can start where the list ends."""
    response = await many.ask(Verb.LIST)

    assert response.object["kind"] == "WidgetList"
    assert response.object["apiVersion"] == "test.dev/v1"
    assert response.object["metadata"] == {"resourceVersion": str(many.store.revision)}
    assert names(response) == [f"w{i:02}" for i in range(25)]


async def test_pages(many: Any, widget: Any) -> None:
    """Every object once, all pages under the first one's version."""
    first = await many.ask(Verb.LIST, limit="10")
    many_version = first.object["metadata"]["resourceVersion"]
    await many.create(widget() | {"metadata": {"name": "a-late-one"}})
    second = await many.ask(Verb.LIST, limit="10", **{"continue": token(first)})
    third = await many.ask(Verb.LIST, limit="10", **{"continue": token(second)})

    assert names(first) + names(second) + names(third) == [f"w{i:02}" for i in range(25)]
    assert first.object["metadata"]["remainingItemCount"] == 15
    assert second.object["metadata"]["remainingItemCount"] == 5
    assert third.object["metadata"] == {"resourceVersion": many_version}


def token(response: Any) -> str:
    found: str = response.object["metadata"]["continue"]
    return found


async def test_pages_of_a_selection(many: Any) -> None:
    """The limit counts matches; how many remain is not told."""
    first = await many.ask(Verb.LIST, limit="10", labelSelector="even=true")
    rest = await many.ask(
        Verb.LIST, limit="10", labelSelector="even=true", **{"continue": token(first)}
    )

    assert len(names(first)) == 10
    assert names(rest) == ["w20", "w22", "w24"]
    assert "remainingItemCount" not in first.object["metadata"]


async def test_exact_last_page_has_no_token(many: Any) -> None:
    """A limit that fits leaves nothing to continue."""
    response = await many.ask(Verb.LIST, limit="25")

    assert "continue" not in response.object["metadata"]


@pytest.mark.parametrize(
    ("selector", "count"),
    [
        ("even=true", 13),
        ("even!=true", 12),
        ("even in (true,false)", 25),
        ("!even", 0),
        ("other!=x", 25),
    ],
)
async def test_label_selectors(many: Any, selector: str, count: int) -> None:
    """As kubectl -l."""
    assert len(names(await many.ask(Verb.LIST, labelSelector=selector))) == count


async def test_field_selectors(many: Any) -> None:
    """metadata.name works for every kind, others where the kind offers them."""
    assert names(await many.ask(Verb.LIST, fieldSelector="metadata.name=w07")) == ["w07"]
    assert len(names(await many.ask(Verb.LIST, fieldSelector="metadata.name!=w07"))) == 24
    everywhere = await many.ask(
        Verb.LIST, namespace="", fieldSelector="metadata.name=w07,metadata.namespace=default"
    )
    assert names(everywhere) == ["w07"]
    assert names(await many.ask(Verb.LIST, fieldSelector="metadata.name=x")) == []
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"nodeName": "n"}}
    await many.create(pod)
    assert names(await many.ask(Verb.LIST, "pods", fieldSelector="spec.nodeName=n")) == ["p"]
    assert names(await many.ask(Verb.LIST, "pods", fieldSelector="status.phase=")) == ["p"]


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"labelSelector": "a in b"}, BadRequestError),
        ({"labelSelector": "a=b=c"}, BadRequestError),
        ({"fieldSelector": "spec.size=1"}, BadRequestError),
        ({"fieldSelector": "x"}, BadRequestError),
        ({"limit": "-1"}, BadRequestError),
        ({"limit": "many"}, BadRequestError),
        ({"limit": "²"}, BadRequestError),
        ({"continue": "!!"}, BadRequestError),
        ({"continue": "e30"}, BadRequestError),
        ({"continue": "bnVsbA"}, BadRequestError),
        ({"continue": "x", "resourceVersion": "3"}, BadRequestError),
        ({"resourceVersion": "abc"}, BadRequestError),
        ({"resourceVersion": "-1"}, BadRequestError),
        ({"resourceVersion": "999999"}, TimedOutError),
        ({"resourceVersion": "9" * 40}, BadRequestError),
        ({"resourceVersion": "1", "resourceVersionMatch": "Exact"}, ExpiredError),
        ({"resourceVersionMatch": "Exact"}, InvalidError),
        ({"resourceVersion": "0", "resourceVersionMatch": "Exact"}, InvalidError),
        ({"resourceVersion": "1", "resourceVersionMatch": "Sometimes"}, InvalidError),
        ({"sendInitialEvents": "true"}, InvalidError),
    ],
)
async def test_bad_parameters_are_refused(
    many: Any, params: dict[str, str], error: type[Exception]
) -> None:
    """Each with a 4xx, the future with 504."""
    with pytest.raises(error):
        await many.ask(Verb.LIST, **params)


async def test_any_reached_version_is_served(many: Any) -> None:
    """0, an old one and the newest."""
    for version in ("0", "1", str(many.store.revision)):
        assert len(names(await many.ask(Verb.LIST, resourceVersion=version))) == 25
    await many.ask(
        Verb.LIST, resourceVersion=str(many.store.revision), resourceVersionMatch="Exact"
    )


async def test_old_token_expires(world: Any, widget: Any) -> None:
    """410 when the first page is further back than the history kept."""
    world.store._history = History(world.store.revision, max_events=5)
    for name in ("a", "b", "c"):
        await world.create(widget() | {"metadata": {"name": name}})
    first = await world.ask(Verb.LIST, limit="1")
    for i in range(10):
        await world.create(widget() | {"metadata": {"name": f"n{i}"}})

    with pytest.raises(ExpiredError):
        await world.ask(Verb.LIST, **{"continue": token(first)})
