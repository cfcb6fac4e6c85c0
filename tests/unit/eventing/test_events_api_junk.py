"""Whatever is sent to events.wakeful.dev, the answer is an object or a fault of the sender's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wakeful.apimachinery.errors import APIStatusError, NotFoundError
from wakeful.apimachinery.request import APIRequest, PatchType, Verb
from wakeful.cloudevents import Event
from wakeful.cmd.eventsapi import EventsAPI
from wakeful.eventing.frame import pack
from wakeful.eventing.history import DeadLetter, HistoryStore
from wakeful.eventing.repair import GROUP, VERSION

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("spec", "event", "to", "metadata", "data", "id", "mode", "kind", "x")),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
EVENTS = st.fixed_dictionaries(
    {"specversion": st.just("1.0"), "id": JSON, "source": JSON, "type": JSON},
    optional={"data": JSON, "data_base64": JSON, "time": JSON, "ext": JSON, "Bad Name": JSON},
)
BODIES = JSON | st.fixed_dictionaries(
    {"spec": st.fixed_dictionaries({"event": EVENTS | JSON}, optional={"to": JSON, "mode": JSON})},
    optional={"metadata": JSON},
)
PARAMS = st.dictionaries(
    st.sampled_from(("limit", "continue", "fieldSelector")),
    st.text(max_size=6) | st.sampled_from(("event.id=1", "status.owner=a", "=", ",", "9" * 30)),
    max_size=2,
)


class Nowhere:
    """Knows no address."""

    def address_of(self, api_version: str, kind: str, namespace: str, name: str) -> str:
        raise NotFoundError.of(kind, api_version, name)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventsAPI]:
    path: Path = tmp_path_factory.mktemp("history") / "history.db"
    store = HistoryStore.open(path)
    event = Event(id="1", source="/s", type="t", data=b"x")
    store.add_dead_letter(
        DeadLetter("trigger/ns/t", "1", "/s", "t", "http://x", "why", message=pack(event, []))
    )
    nobody: Any = None
    yield EventsAPI(store, nobody, nobody, nobody, Nowhere())
    store.close()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    what=st.sampled_from(
        (
            ("deadletters", Verb.UPDATE),
            ("deadletters", Verb.PATCH),
            ("deadletters", Verb.LIST),
            ("deadletters", Verb.GET),
            ("hops", Verb.LIST),
            ("hops", Verb.GET),
            ("sendings", Verb.CREATE),
        )
    ),
    name=st.sampled_from(("1", "1", "1", "2", "x", "-1", "٣")),
    body=BODIES,
    patch_type=st.sampled_from((PatchType.JSON, PatchType.MERGE, PatchType.APPLY)),
    params=PARAMS,
)
def test_junk_is_refused(
    api: EventsAPI,
    what: tuple[str, Verb],
    name: str,
    body: Any,
    patch_type: PatchType,
    params: dict[str, str],
) -> None:
    """Never an error of ours."""
    resource, verb = what
    is_patch = verb is Verb.PATCH
    request = APIRequest(
        verb,
        GROUP,
        VERSION,
        resource,
        "ns",
        "" if verb in (Verb.LIST, Verb.CREATE) else name,
        body=body,
        patch_type=patch_type if is_patch else None,
        params=params,
    )
    code, kind = 200, ""
    try:
        kind = asyncio.run(api.answer(request))["kind"]
    except APIStatusError as error:
        code = int(error.code)
    assert kind in ("DeadLetter", "DeadLetterList", "Hop", "HopList") or 400 <= code < 500
