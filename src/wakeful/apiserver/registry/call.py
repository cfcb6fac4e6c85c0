"""One request on its way through the registry."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Any, Literal

from wakeful.apimachinery.errors import BadRequestError, InvalidError
from wakeful.apimachinery.fields import FieldError, invalid, not_supported, to_causes, to_text
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apimachinery.request import APIRequest, UserInfo
from wakeful.apimachinery.scheme import AdmissionContext, ConfigLookup
from wakeful.apiserver.registry.served import Served

FIELD_VALIDATION = ("Ignore", "Warn", "Strict")


class Tracking(Enum):
    """Whether a write changes who owns which field."""

    ALWAYS = auto()
    ONLY_OWNED = auto()
    """Only where somebody owns something already."""
    DONE = auto()
    """The object brings the right entries along."""


@dataclass(slots=True)
class Call:
    """A request with what was found out about it, and the warnings gathered for its answer."""

    request: APIRequest
    user: UserInfo
    served: Served
    now: datetime
    config: ConfigLookup
    dry_run: bool
    field_validation: str
    field_manager: str
    tracking: Tracking = Tracking.ALWAYS
    warnings: list[str] = field(default_factory=list)

    def context(
        self, operation: Literal["CREATE", "UPDATE", "DELETE"], subresource: str = ""
    ) -> AdmissionContext:
        """What defaulting and validation may know."""
        return AdmissionContext(
            operation=operation,
            now=self.now,
            username=self.user.name,
            groups=self.user.groups,
            subresource=subresource,
            dry_run=self.dry_run,
            config=self.config,
            warnings=self.warnings,
        )

    def invalid(self, name: str, errors: list[FieldError]) -> InvalidError:
        """A 422 with one cause per fault."""
        gvk = self.served.gvk
        return InvalidError.of(gvk.kind, gvk.group, name, to_causes(errors))

    def refuse(self, meta: ObjectMeta, errors: list[FieldError]) -> None:
        """Raise what the kind's validation found, in the words its clients know.

        Raises:
            BadRequestError: The kind answers as a Knative webhook does.
            InvalidError: It answers as Kubernetes does.
        """
        if not errors:
            return
        webhook = self.served.resource.webhook
        if webhook:
            raise BadRequestError(
                f'admission webhook "{webhook}" denied the request: validation failed:'
                f" {to_text(errors)}"
            )
        raise self.invalid(meta.name or meta.generate_name, errors)


def parse_options(request: APIRequest, default_manager: str) -> tuple[bool, str, str]:
    """Read dryRun, fieldValidation and fieldManager.

    Raises:
        InvalidError: One has a value that is none.
    """
    params = request.params
    errors: list[FieldError] = []
    dry_run = params.get("dryRun", "")
    if dry_run not in ("", "All"):
        errors.append(not_supported("dryRun", [dry_run], ["All"]))
    validation = params.get("fieldValidation", "") or "Warn"
    if validation not in FIELD_VALIDATION:
        errors.append(not_supported("fieldValidation", validation, ["", *FIELD_VALIDATION]))
    manager = params.get("fieldManager", "")
    if len(manager) > 128:
        errors.append(invalid("fieldManager", manager, "may not be more than 128 bytes"))
    elif not manager.isprintable():
        errors.append(invalid("fieldManager", manager, "should only contain printable characters"))
    if errors:
        raise InvalidError.of("CreateOptions", "meta.k8s.io", "", to_causes(errors))
    return dry_run == "All", validation, manager or default_manager


def require_object(body: Any) -> dict[str, Any]:
    """Return the body if it is a JSON object.

    Raises:
        BadRequestError: It is not.
    """
    if not isinstance(body, dict):
        raise BadRequestError("the body of the request must be an object with apiVersion and kind")
    return body
