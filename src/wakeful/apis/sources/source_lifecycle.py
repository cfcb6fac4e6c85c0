"""The conditions most sources share: a sink that was found, an adapter that runs."""

from __future__ import annotations

from typing import ClassVar

from wakeful.apimachinery.conditions import ConditionManager, ConditionSet
from wakeful.apis.duck import SINK_PROVIDED, Addressable, SourceStatus
from wakeful.apis.sources.adapter_role import AdapterState

DEPLOYED = "Deployed"
OIDC_IDENTITY_CREATED = "OIDCIdentityCreated"
_OIDC_DISABLED = "authentication-oidc feature disabled"


class LivingSourceStatus(SourceStatus):
    """A status with ``SinkProvided``; subclasses name their set."""

    condition_set: ClassVar[ConditionSet] = ConditionSet.living(SINK_PROVIDED)

    @property
    def manager(self) -> ConditionManager:
        """Sets conditions."""
        return self.condition_set.manage(self)

    @property
    def is_ready(self) -> bool:
        """Whether the happy condition is True."""
        return self.manager.is_happy

    def mark_sink(self, address: Addressable) -> None:
        """The sink was resolved."""
        self.sink_uri = address.url
        self.sink_ca_certs, self.sink_audience = address.ca_certs, address.audience
        if address.url:
            self.manager.mark_true(SINK_PROVIDED)
        else:
            self.manager.mark_false(SINK_PROVIDED, "SinkEmpty", "Sink has resolved to empty.")

    def mark_no_sink(self, reason: str, message: str) -> None:
        """The sink could not be resolved."""
        self.manager.mark_false(SINK_PROVIDED, reason, message)


class AdapterSourceStatus(LivingSourceStatus):
    """A status of a source whose adapter runs in this process."""

    condition_set: ClassVar[ConditionSet] = ConditionSet.living(
        SINK_PROVIDED, DEPLOYED, OIDC_IDENTITY_CREATED
    )

    def mark_no_oidc(self) -> None:
        """Nobody needs an identity while authentication is switched off."""
        self.manager.mark_true(OIDC_IDENTITY_CREATED, _OIDC_DISABLED)

    def propagate_adapter(self, state: AdapterState | None, name: str) -> None:
        """Say how the adapter is doing; ``name`` is what it would be called as a Deployment.

        One that ran and is being started anew (because of a change, or with the control plane) is
        not reported until it fails: what depends on the source need not be disturbed.
        """
        deployed = self.condition(DEPLOYED)
        if state is not None and state.running and not state.fault:
            self.manager.mark_true(DEPLOYED)
        elif state is not None and state.fault:
            self.manager.mark_false(DEPLOYED, "AdapterFailed", state.fault)
        elif deployed is None or not deployed.is_true:
            message = f"The Deployment '{name}' is unavailable."
            self.manager.mark_unknown(DEPLOYED, "DeploymentUnavailable", message)
