"""The controller runtime: what drives any reconciler, ours or a user's.

Level-triggered: a change puts the key of an object into a :class:`WorkQueue`; a worker hands the
object, as the cache has it now, to the reconciler; the base writes finalizers, status and events.
Not for any behaviour of a kind: that is what ``wakeful.reconciler`` holds.
"""

from wakeful.controller.configmaps import ConfigStore
from wakeful.controller.controller import (
    Controller,
    Finalizing,
    ObservesDeletion,
    Reconciler,
    Result,
    owner_keys,
)
from wakeful.controller.leaderelection import LeaderElector
from wakeful.controller.manager import Manager
from wakeful.controller.record import EventRecorder, EventType
from wakeful.controller.refusals import MarkFailed, telling
from wakeful.controller.tracker import Tracker
from wakeful.controller.workqueue import WorkQueue

__all__ = [
    "ConfigStore",
    "Controller",
    "EventRecorder",
    "EventType",
    "Finalizing",
    "LeaderElector",
    "Manager",
    "MarkFailed",
    "ObservesDeletion",
    "Reconciler",
    "Result",
    "Tracker",
    "WorkQueue",
    "owner_keys",
    "telling",
]
