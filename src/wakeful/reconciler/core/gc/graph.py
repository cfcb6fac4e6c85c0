"""Who owns whom, over every kind. Pure: events in, decisions out.

An object is known by its uid. An owner that was never seen is not taken for gone: the collector
asks the API before anything is deleted for its sake.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any

from wakeful.reconciler.core.namespace.contents import Collection

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"


@dataclass(frozen=True, slots=True)
class Owner:
    """One owner reference."""

    api_version: str
    kind: str
    name: str
    uid: str
    blocks: bool


@dataclass(frozen=True, slots=True)
class Node:
    """What the collector has to know of one object."""

    uid: str
    collection: Collection
    namespace: str
    name: str
    owners: tuple[Owner, ...] = ()
    finalizers: tuple[str, ...] = ()
    is_deleting: bool = False

    @property
    def deletes_dependents(self) -> bool:
        """It waits in foreground deletion."""
        return self.is_deleting and FOREGROUND in self.finalizers

    @property
    def orphans_dependents(self) -> bool:
        """It waits for its dependents to be let go."""
        return self.is_deleting and ORPHAN in self.finalizers

    def blocks(self, owner: str) -> bool:
        """Whether an owner in foreground deletion has to wait for this one."""
        return any(o.uid == owner and o.blocks for o in self.owners)


def parse_node(collection: Collection, obj: Mapping[str, Any]) -> Node:
    """Read an object's metadata; texts are kept once, however many objects have them."""
    meta = obj["metadata"]
    return Node(
        intern(meta["uid"]),
        collection,
        intern(meta.get("namespace", "")),
        intern(meta["name"]),
        tuple(
            Owner(
                intern(ref.get("apiVersion", "")),
                intern(ref.get("kind", "")),
                intern(ref.get("name", "")),
                intern(ref.get("uid", "")),
                bool(ref.get("blockOwnerDeletion")),
            )
            for ref in meta.get("ownerReferences") or ()
        ),
        tuple(map(intern, meta.get("finalizers") or ())),
        "deletionTimestamp" in meta,
    )


class Graph:
    """Every object that was seen, and the dependents of each uid."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._dependents: dict[str, set[str]] = defaultdict(set)

    def get(self, uid: str) -> Node | None:
        """One object, if it was seen and not removed."""
        return self._nodes.get(uid)

    def dependents(self, uid: str) -> list[Node]:
        """Objects that name this uid among their owners."""
        return [self._nodes[d] for d in self._dependents.get(uid, ()) if d in self._nodes]

    def of(self, collection: Collection) -> list[Node]:
        """Everything of one collection."""
        return [node for node in self._nodes.values() if node.collection == collection]

    def observe(self, node: Node) -> list[str]:
        """Note a state; return uids that have to be looked at."""
        before = self._nodes.get(node.uid)
        self._nodes[node.uid] = node
        if before is None or before.owners != node.owners:
            self._link(node.uid, before.owners if before is not None else (), node.owners)
        attention: list[str] = []
        if node.owners and (before is None or before.owners != node.owners):
            attention.append(node.uid)
        if node.deletes_dependents or node.orphans_dependents:
            attention.append(node.uid)
        if node.is_deleting and (before is None or not before.is_deleting):
            attention += [owner.uid for owner in node.owners if owner.uid in self._nodes]
        if before is not None and before.owners != node.owners:
            attention += [o.uid for o in before.owners if o.uid in self._nodes]
        return attention

    def remove(self, uid: str) -> list[str]:
        """An object is gone; return uids that have to be looked at: dependents and owners."""
        before = self._nodes.pop(uid, None)
        if before is None:
            return []
        self._link(uid, before.owners, ())
        waiting = [o.uid for o in before.owners if o.uid in self._nodes]
        return [*self._dependents.get(uid, ()), *waiting]

    def _link(self, uid: str, old: tuple[Owner, ...], new: tuple[Owner, ...]) -> None:
        for owner in old:
            linked = self._dependents.get(owner.uid)
            if linked is not None:
                linked.discard(uid)
                if not linked:
                    del self._dependents[owner.uid]
        for owner in new:
            self._dependents[owner.uid].add(uid)
