"""Hops and dead letters on disk."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from wakeful.eventing.history import DeadLetter, HistoryStore, Hop, HopKind, HopRecorder
from wakeful.eventing.history import store as store_module


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "history.db"


@pytest.fixture
def store(path: Path):
    store = HistoryStore.open(path)
    yield store
    store.close()


def a_hop(kind: HopKind = HopKind.ACCEPTED, event_id: str = "1", **more: object) -> Hop:
    return Hop(kind, "broker/ns/b", event_id, "/source", "a.type", **more)


def a_letter(owner: str = "trigger/ns/t", **more: object) -> DeadLetter:
    return DeadLetter(owner, "1", "/source", "a.type", "http://x", "gave up", **more)


async def test_an_event_is_found_hop_by_hop(store: HistoryStore) -> None:
    recorder = HopRecorder(store)
    recorder.record(a_hop(sequence=7))
    recorder.record(a_hop(event_id="2"))
    recorder.record(a_hop(HopKind.DELIVERED, url="http://x", status=200, attempt=2))
    await recorder.flush()

    first, second = store.hops_of("1", "/source")

    assert (first.kind, first.sequence) == (HopKind.ACCEPTED, 7)
    assert (second.kind, second.status, second.attempt) == (HopKind.DELIVERED, 200, 2)
    assert 0 < first.at <= second.at
    assert [hop.event_id for hop in store.recent_hops(2)] == ["1", "2"]
    assert not store.hops_of("1", "/other")


async def test_of_too_many_successes_failures_remain(store: HistoryStore) -> None:
    recorder = HopRecorder(store)
    wanted = sum(recorder.wants(HopKind.ACCEPTED) for _ in range(1000))
    assert recorder.wants(HopKind.FAILED)
    recorder.record(a_hop(HopKind.FAILED, "bad"))
    await recorder.flush()

    assert wanted == store_module._SUCCESSES_PER_FLUSH
    assert recorder.skipped == 1000 - store_module._SUCCESSES_PER_FLUSH
    assert store.hops_of("bad")


def test_the_oldest_hops_go(store: HistoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MAX_HOPS", 3)
    store.add_hops([a_hop(event_id=str(number)) for number in range(5)])
    assert [hop.event_id for hop in store.recent_hops()] == ["4", "3", "2"]


def test_dead_letters_stay_until_removed(path: Path, store: HistoryStore) -> None:
    letter = a_letter(status=503, attempts=3, response=b"no", message=b"\x00raw", subject="s")
    number = store.add_dead_letter(letter)
    store.add_dead_letter(a_letter("subscription/ns/s"))

    again = HistoryStore.open(path)  # another process
    found = again.dead_letter(number)
    assert found is not None
    assert (found.status, found.attempts, found.response, found.message, found.subject) == (
        503,
        3,
        b"no",
        b"\x00raw",
        "s",
    )
    assert found.at > 0
    assert [d.owner for d in again.dead_letters()] == ["trigger/ns/t", "subscription/ns/s"]
    assert len(again.dead_letters(owner="trigger/ns/t")) == 1
    assert again.remove_dead_letter(number)
    assert not again.remove_dead_letter(number)
    again.close()
    assert store.dead_letters(after=number)[0].owner == "subscription/ns/s"


def test_it_is_the_owners_alone(path: Path, store: HistoryStore) -> None:
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert isinstance(store, HistoryStore)
    assert sqlite3.connect(path).execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_letter_is_mended_in_its_place(store: HistoryStore) -> None:
    number = store.add_dead_letter(a_letter(attempts=2, message=b"old"))
    letter = store.dead_letter(number)
    assert letter is not None

    assert store.replace_dead_letter(replace(letter, message=b"new", attempts=3))

    mended = store.dead_letter(number)
    assert mended is not None
    assert (mended.message, mended.attempts, mended.at) == (b"new", 3, letter.at)
    assert not store.replace_dead_letter(replace(letter, number=number + 1))


def test_namespaces_are_kept_apart(store: HistoryStore) -> None:
    store.add_dead_letter(a_letter("trigger/ns/t"))
    store.add_dead_letter(a_letter("trigger/ns-2/t"))
    store.add_hops([a_hop(), replace(a_hop(), owner="broker/ns-2/b")])

    assert [x.owner for x in store.dead_letters(namespace="ns")] == ["trigger/ns/t"]
    assert [x.owner for x in store.dead_letters()] == ["trigger/ns/t", "trigger/ns-2/t"]
    assert [x.owner for x in store.hops_of("1", namespace="ns-2")] == ["broker/ns-2/b"]
    assert [x.owner for x in store.recent_hops(namespace="ns")] == ["broker/ns/b"]
