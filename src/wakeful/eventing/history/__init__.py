"""Where events went, and those that nobody took: kept by whoever carries events, read by everybody.

Two things in one SQLite file (``DataDir.root / "eventing" / "history.db"``, see
:func:`history_path`), which several processes may have open at once:

*Hops*: what happened to an event at each step, a bounded ring. An event is known by ``source`` and
``id``. At a high rate only a sample of the successes is kept; failures always are::

    store = HistoryStore.open(path)
    for hop in store.hops_of("my-id"):            # oldest first
        print(hop.at, hop.kind, hop.owner, hop.status, hop.duration_ms, hop.note)
    newest = store.recent_hops(limit=50)          # newest first

*Dead letters*: whole events whose attempts are exhausted and that no dead letter sink took, with
the reason, until somebody removes (or replays and removes) them::

    for letter in store.dead_letters(owner="trigger/default/mine", limit=100):
        event, forwarded_headers = unpack(letter.message)     # wakeful.eventing.frame
        store.remove_dead_letter(letter.number)

Everything blocks for a moment; call it from a thread where that matters. Whoever carries events
records through a :class:`Recorder`, which buffers and never blocks; other carriers (Kafka) use
``HopRecorder`` over the same file.
"""

from wakeful.eventing.history.records import DeadLetter, Hop, HopKind, NoRecorder, Recorder
from wakeful.eventing.history.store import HistoryStore, HopRecorder, history_path

__all__ = [
    "DeadLetter",
    "HistoryStore",
    "Hop",
    "HopKind",
    "HopRecorder",
    "NoRecorder",
    "Recorder",
    "history_path",
]
