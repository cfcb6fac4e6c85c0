"""Whether a pod fits on a node, in the scheduler's words. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from wakeful.apimachinery.quantity import parse_quantity
from wakeful.apis.core import Node, Pod, PodSpec
from wakeful.apis.core.node_types import Taint
from wakeful.apis.core.pod_types import ResourceList, Toleration

Amounts = Mapping[str, Decimal]
_REPELLING = ("NoSchedule", "NoExecute")


def requests_of(spec: PodSpec) -> dict[str, Decimal]:
    """What a pod asks for: its containers together, or its largest init container if larger."""
    total: dict[str, Decimal] = {}
    for container in spec.containers:
        for name, amount in _effective(container.resources.requests, container.resources.limits):
            total[name] = total.get(name, Decimal(0)) + amount
    for container in spec.init_containers:
        for name, amount in _effective(container.resources.requests, container.resources.limits):
            total[name] = max(total.get(name, Decimal(0)), amount)
    for name, text in spec.overhead.items():
        total[name] = total.get(name, Decimal(0)) + parse_quantity(text)
    return total


def _effective(requests: ResourceList, limits: ResourceList) -> Iterable[tuple[str, Decimal]]:
    for name, text in {**limits, **requests}.items():
        yield name, parse_quantity(text)


def choose_node(
    spec: PodSpec, nodes: Sequence[Node], used: Callable[[str], Amounts]
) -> tuple[str, str]:
    """Name the first node the pod fits on; or an empty name, and why it fits on none."""
    if not nodes:
        return "", "no nodes available to schedule pods"
    asked = requests_of(spec)
    reasons: Counter[str] = Counter()
    for node in nodes:
        found = reasons_against(spec, asked, node, used)
        if not found:
            return node.metadata.name, ""
        reasons.update(found)
    listed = ", ".join(f"{n} {reason}" for reason, n in sorted(reasons.items()))
    return "", f"0/{len(nodes)} nodes are available: {listed}."


def reasons_against(
    spec: PodSpec, asked: Amounts, node: Node, used: Callable[[str], Amounts]
) -> list[str]:
    """Why the pod cannot run on this node."""
    if node.spec.unschedulable:
        return ["node(s) were unschedulable"]
    labels = node.metadata.labels
    if not spec.node_selector.items() <= labels.items():
        return ["node(s) didn't match Pod's node affinity/selector"]
    for taint in node.spec.taints:
        if taint.effect in _REPELLING and not any(tolerates(t, taint) for t in spec.tolerations):
            return [f"node(s) had untolerated taint {{{taint.key}: {taint.value}}}"]
    if not asked:
        return []
    taken = used(node.metadata.name)
    short = []
    for name, amount in sorted(asked.items()):
        if not amount:
            continue
        have = node.status.allocatable.get(name)
        if have is None and name in ("cpu", "memory", "ephemeral-storage"):
            continue  # a node that does not say has enough
        free = parse_quantity(have or "0") - taken.get(name, Decimal(0))
        if amount > free:
            short.append(f"Insufficient {name}")
    return short


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether a toleration bears a taint."""
    if toleration.effect not in ("", taint.effect):
        return False
    if toleration.key not in ("", taint.key):
        return False
    if toleration.operator == "Exists":
        return True
    return toleration.operator in ("", "Equal") and toleration.value == taint.value


class NodeUsage:
    """What pods ask for on each node; fed by changes of pods."""

    def __init__(self) -> None:
        self.is_complete: Callable[[], bool] = lambda: True
        """Whether it was told of all the pods there are."""
        self._asked: dict[str, tuple[str, dict[str, Decimal]]] = {}
        self._used: dict[str, dict[str, Decimal]] = {}

    def observe(self, old: Pod | None, new: Pod | None) -> None:
        """A pod appeared, changed or went."""
        uid = (new or old or Pod()).metadata.uid
        self._drop(uid)
        if new is None or new.is_finished or not new.spec.node_name:
            return
        asked = requests_of(new.spec)
        if not asked:
            return
        self._asked[uid] = (new.spec.node_name, asked)
        used = self._used.setdefault(new.spec.node_name, {})
        for name, amount in asked.items():
            used[name] = used.get(name, Decimal(0)) + amount

    def __call__(self, node: str) -> Amounts:
        """Amounts in use on a node."""
        return self._used.get(node, {})

    def _drop(self, uid: str) -> None:
        node, asked = self._asked.pop(uid, ("", {}))
        for name, amount in asked.items():
            self._used[node][name] -= amount
