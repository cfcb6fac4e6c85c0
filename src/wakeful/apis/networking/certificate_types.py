"""Certificate: names that need a TLS certificate, and the Secret it is to be put into."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import READY, ConditionedStatus, ConditionManager, ConditionSet
from wakeful.apimachinery.fields import FieldErrors, invalid_value, missing_field, under
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Object, Time
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.core.scalars import IntOrString
from wakeful.apis.networking.register import GROUP, VERSION

CERTIFICATE_CONDITIONS = ConditionSet.living()


class HTTP01Challenge(APIModel):
    """Where the proof of owning a name is served."""

    url: str = ""
    service_name: str = ""
    service_namespace: str = ""
    service_port: IntOrString | None = None


class CertificateSpec(APIModel):
    """For which names, and where to."""

    dns_names: list[str] = Field(default_factory=list, alias="dnsNames")
    domain: str = ""
    secret_name: str = ""


class CertificateStatus(ConditionedStatus):
    """Whether there is one, and until when."""

    not_after: Time | None = None
    http01_challenges: list[HTTP01Challenge] = Field(default_factory=list, alias="http01Challenges")

    @property
    def _manager(self) -> ConditionManager:
        return CERTIFICATE_CONDITIONS.manage(self)

    def mark_ready(self) -> None:
        """The Secret holds a valid certificate."""
        self._manager.mark_true(READY)

    def mark_failed(self, reason: str, message: str) -> None:
        """It will not be obtained."""
        self._manager.mark_false(READY, reason, message)


class Certificate(KResource[CertificateSpec, CertificateStatus]):
    """Asks for a TLS certificate."""

    gvk: ClassVar = GroupVersionKind(GROUP, VERSION, "Certificate")

    spec: CertificateSpec = Field(default_factory=CertificateSpec)
    status: CertificateStatus = Field(default_factory=CertificateStatus)

    @property
    def is_ready(self) -> bool:
        """There is a certificate for what the newest generation asks."""
        ready = self.status.condition(READY)
        observed = self.status.observed_generation == self.metadata.generation
        return observed and ready is not None and ready.is_true


def validate_certificate(
    certificate: Certificate, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault of a Certificate."""
    del old, context
    return under("spec", _validate_spec(certificate.spec))


def _validate_spec(spec: CertificateSpec) -> FieldErrors:
    errors: FieldErrors = []
    if not spec.dns_names:
        errors.append(missing_field("dnsNames"))
    errors += [
        invalid_value(name, f"dnsNames[{index}]")
        for index, name in enumerate(spec.dns_names)
        if not name
    ]
    if not spec.secret_name:
        errors.append(missing_field("secretName"))
    fits = any(name == spec.domain or name.endswith(f".{spec.domain}") for name in spec.dns_names)
    if spec.domain and spec.dns_names and not fits:
        why = "domain must be a suffix of, or match exactly, at least one entry in dnsNames"
        errors.append(invalid_value("domain", why))
    return errors
