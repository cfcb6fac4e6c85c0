"""The keys of Tekton Triggers."""

from __future__ import annotations

GROUP = "triggers.tekton.dev"
WEBHOOK = "validation.webhook.triggers.tekton.dev"
"""Refusals are worded as this webhook's."""

EVENT_LISTENER_LABEL = f"{GROUP}/eventlistener"
TRIGGER_LABEL = f"{GROUP}/trigger"
EVENT_ID_LABEL = f"{GROUP}/triggers-eventid"

SERVICE_PREFIX = "el-"
LONGEST_LISTENER_NAME = 60
"""The Service of a listener is called ``el-NAME`` and that has to be a label."""
