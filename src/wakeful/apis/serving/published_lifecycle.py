"""What a status says of hosts of one's own: their claim, what they lead to, their Ingress."""

from __future__ import annotations

from wakeful.apimachinery.conditions import Condition
from wakeful.apis.serving.certificate_lifecycle import CertifiedStatus

DOMAIN_CLAIMED = "DomainClaimed"
REFERENCE_RESOLVED = "ReferenceResolved"
INGRESS_READY = "IngressReady"


class PublishedStatus(CertifiedStatus):
    """A status with the conditions of something published under names that have to be claimed."""

    def mark_claimed(self) -> None:
        """The names belong to the object's namespace."""
        self._manager.mark_true(DOMAIN_CLAIMED)

    def mark_claim_not_owned(self) -> None:
        """The name belongs to another namespace, or to none; Knative does not tell which."""
        self._manager.mark_false(
            DOMAIN_CLAIMED,
            "DomainAlreadyClaimed",
            "The domain name is already in use by another DomainMapping",
        )

    def mark_claim_failed(self, message: str) -> None:
        """The name could not be claimed for a reason that has nothing to do with it."""
        self._manager.mark_false(DOMAIN_CLAIMED, "DomainClaimFailed", message)

    def mark_reference_resolved(self) -> None:
        """What the domain stands for has an address."""
        self._manager.mark_true(REFERENCE_RESOLVED)

    def mark_reference_not_resolved(self, message: str) -> None:
        """What the domain stands for has no address, or one that cannot be mapped."""
        self._manager.mark_false(REFERENCE_RESOLVED, "ResolveFailed", message)

    def mark_ingress_failed(self, reason: str, message: str) -> None:
        """The API refused our Ingress, or a Service beside it."""
        self._manager.mark_false(INGRESS_READY, reason, message)

    def mark_ingress_not_configured(self) -> None:
        """The gateway has not looked at the newest Ingress."""
        self._manager.mark_unknown(
            INGRESS_READY, "IngressNotConfigured", "Ingress has not yet been reconciled."
        )

    def mark_ingress_not_owned(self, name: str) -> None:
        """Somebody else's Ingress has the name of ours."""
        self._manager.mark_false(
            INGRESS_READY, "NotOwned", f'There is an existing Ingress "{name}" that we do not own.'
        )

    def propagate_ingress(self, ready: Condition | None) -> None:
        """What the gateway says; nothing yet is unknown."""
        if ready is None:
            self.mark_ingress_not_configured()
        else:
            self._manager.copy_from(INGRESS_READY, ready)
