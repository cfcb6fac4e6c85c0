"""Has new instances of revisions that rest wait before their program begins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from wakeful.apimachinery.meta import NamespacedName, format_time
from wakeful.apis.autoscaling.annotations import AT_ZERO, ZYGOTE
from wakeful.apis.core.pod_types import PARKED_ANNOTATION, Pod
from wakeful.apis.serving import register
from wakeful.apiserver.admission import AdmissionRequest


class Parking:
    """An admission hook: what is created while its revision rests is marked from birth.

    So no instance begins that would have to be caught; and what is created a moment after the
    revision has been woken is an instance like any other.
    """

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.resting: set[NamespacedName] = set()
        """Revisions whose next instance is to wait."""
        self.keeping: set[NamespacedName] = set()
        """Revisions that are to rest by way of a zygote, whoever has said so."""
        self._now = now

    def __call__(self, request: AdmissionRequest) -> None:
        """Mark a new Pod."""
        pod = request.obj
        if not isinstance(pod, Pod) or request.old is not None:
            return
        name = pod.metadata.labels.get(register.REVISION)
        revision = NamespacedName(request.namespace, name or "")
        annotations = pod.metadata.annotations
        if revision in self.keeping and AT_ZERO.get(annotations) != ZYGOTE:
            annotations[AT_ZERO.name] = ZYGOTE  # asked for at the PodAutoscaler: nodes read the Pod
        if revision in self.resting:
            annotations[PARKED_ANNOTATION] = format_time(self._now())
