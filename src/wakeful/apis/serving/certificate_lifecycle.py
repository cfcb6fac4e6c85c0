"""What a status says of certificates; the same words for everything published under hosts."""

from __future__ import annotations

from wakeful.apimachinery.conditions import ConditionedStatus, ConditionManager

CERTIFICATE_PROVISIONED = "CertificateProvisioned"
EXTERNAL_TLS_NOT_ENABLED = "external-domain-tls is not enabled"


class CertifiedStatus(ConditionedStatus):
    """A status with the condition ``CertificateProvisioned``."""

    @property
    def _manager(self) -> ConditionManager:
        raise NotImplementedError

    def mark_tls_not_enabled(self, message: str) -> None:
        """Nobody asked for certificates, which is fine."""
        self._manager.mark_true(CERTIFICATE_PROVISIONED, "TLSNotEnabled", message)

    def mark_certificate_provided(self) -> None:
        """The user brings a certificate."""
        self._manager.mark_true(
            CERTIFICATE_PROVISIONED,
            "CertificateExternallyProvided",
            "TLS certificate was provided externally",
        )

    def mark_certificate_ready(self) -> None:
        """Every host that is to have a certificate has one."""
        self._manager.mark_true(CERTIFICATE_PROVISIONED)

    def mark_certificate_not_ready(self, name: str) -> None:
        """A certificate is being obtained."""
        self._manager.mark_unknown(
            CERTIFICATE_PROVISIONED, "CertificateNotReady", f"Certificate {name} is not ready."
        )

    def mark_http_downgrade(self, name: str) -> None:
        """A certificate is being obtained, and plain HTTP serves meanwhile."""
        self._manager.mark_true(
            CERTIFICATE_PROVISIONED,
            "HTTPDowngrade",
            f"Certificate {name} is not ready downgrade HTTP.",
        )

    def mark_certificate_failed(self, name: str) -> None:
        """A certificate could not even be asked for."""
        self._manager.mark_false(
            CERTIFICATE_PROVISIONED,
            "CertificateProvisionFailed",
            f"Certificate {name} fails to be provisioned.",
        )

    def mark_certificate_not_owned(self, name: str) -> None:
        """Somebody else's Certificate has the name of ours."""
        self._manager.mark_false(
            CERTIFICATE_PROVISIONED,
            "CertificateNotOwned",
            f"There is an existing certificate {name} that we don't own.",
        )
