from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wakeful.cloudevents import Event
from wakeful.eventbus.kafka import NewRecord, Record, from_record, to_record


def as_read(written: NewRecord) -> Record:
    return Record("topic", 3, 7, 0, written.key, written.value, written.headers)


def an_event(**changes: object) -> Event:
    event = Event(
        id="1",
        source="/me",
        type="t",
        time="2026-01-02T03:04:05.678Z",
        datacontenttype="application/json",
        extensions={"partitionkey": "blue"},
        data=b'{"a": 1}',
    )
    return replace(event, **changes)


NAMES = st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True).filter(
    lambda name: (
        not name.startswith(("data", "schema", "content", "spec"))
        and name not in ("id", "source", "type", "subject", "time")
    )
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), min_size=1, max_size=20)


@given(extensions=st.dictionaries(NAMES, TEXTS, max_size=3), data=st.binary(max_size=50))
@pytest.mark.parametrize("version", ["0.3", "1.0"])
def test_binary_events_come_back_as_they_were(
    version: str, extensions: dict[str, str], data: bytes
) -> None:
    """Every attribute is a header in plain UTF-8, data is the value byte for byte."""
    event = an_event(specversion=version, extensions=extensions, data=data)

    assert from_record(as_read(to_record(event))) == event


@pytest.mark.parametrize("version", ["0.1", "0.2", "0.3", "1.0"])
def test_structured_events_come_back_as_they_were(version: str) -> None:
    """Those of the oldest versions travel structured in any case."""
    event = an_event(specversion=version)

    found = from_record(as_read(to_record(event, structured=True)))

    assert found is not None
    assert found.attributes() == event.attributes()


def test_the_partition_key_is_the_key() -> None:
    """Events of one key stay in one partition."""
    assert to_record(an_event()).key == b"blue"
    assert to_record(an_event(extensions={})).key is None


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("ce_specversion", b"9.9"), ("ce_id", b"1"), ("ce_source", b"/"), ("ce_type", b"t")),
        (("ce_specversion", b"1.0"), ("ce_id", b"1")),
        (("ce_specversion", b"1.0"), ("ce_id", b"\xff"), ("ce_source", b"/"), ("ce_type", b"t")),
        (("content-type", b"application/cloudevents+json"),),
    ],
)
def test_what_is_no_event_is_none(headers: tuple[tuple[str, bytes], ...]) -> None:
    """Records of other programs, and broken events."""
    assert from_record(Record("topic", 0, 0, 0, None, b"{", headers)) is None
