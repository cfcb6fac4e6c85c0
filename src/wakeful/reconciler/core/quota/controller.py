"""What makes a ResourceQuota worth looking at again: pods of its namespace."""

from __future__ import annotations

from wakeful.apis.core import Pod, ResourceQuota
from wakeful.client import Change
from wakeful.controller import Controller, Manager
from wakeful.reconciler.core.quota.reconciler import QuotaReconciler

_LATER_SECONDS = 0.2
"""Many pods that come at once are counted once."""


def make_quota_controller(manager: Manager) -> Controller[ResourceQuota]:
    """Wire the controller to its informers."""
    quotas, pods = manager.informer(ResourceQuota), manager.informer(Pod)
    reconciler = QuotaReconciler(manager.client, pods)
    controller = Controller("quotas", manager.client, quotas, reconciler)

    def on_pod(change: Change[Pod]) -> None:
        old, new = change.old, change.new
        if old is not None and new is not None and old.is_finished == new.is_finished:
            return
        for quota in quotas.list(change.object.metadata.namespace):
            controller.queue.add_after(quota.key, _LATER_SECONDS)

    pods.add_handler(on_pod)
    return controller
