"""GitHubBinding: gives the pods of other objects an access token of GitHub's."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import READY, ConditionedStatus, ConditionManager, ConditionSet
from wakeful.apimachinery.fields import FieldErrors, invalid_value, missing_field, under
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.sources import register
from wakeful.apis.sources.githubsource_types import SecretValueFromSource
from wakeful.apis.sources.sinkbinding_rules import validate_subject
from wakeful.apis.sources.sinkbinding_types import SubjectReference


class GitHubBindingSpec(APIModel):
    """Whom to give which token."""

    subject: SubjectReference = Field(default_factory=SubjectReference)
    access_token: SecretValueFromSource = Field(default_factory=SecretValueFromSource)


class GitHubBindingStatus(ConditionedStatus):
    """Whether the subjects have it."""

    condition_set: ClassVar = ConditionSet.living()

    @property
    def manager(self) -> ConditionManager:
        """Sets conditions."""
        found: ConditionManager = self.condition_set.manage(self)
        return found

    @property
    def is_ready(self) -> bool:
        """Whether every subject has it."""
        return self.manager.is_happy

    def mark_available(self) -> None:
        """Every subject has it."""
        self.manager.mark_true(READY)

    def mark_unavailable(self, reason: str, message: str) -> None:
        """A subject could not be given it."""
        self.manager.mark_false(READY, reason, message)


class GitHubBinding(KResource[GitHubBindingSpec, GitHubBindingStatus]):
    """Mounts a token at ``/var/bindings/github/accessToken`` in its subjects' containers."""

    gvk: ClassVar = GroupVersionKind(register.BINDINGS_GROUP, "v1alpha1", "GitHubBinding")

    spec: GitHubBindingSpec = Field(default_factory=GitHubBindingSpec)
    status: GitHubBindingStatus = Field(default_factory=GitHubBindingStatus)


def set_githubbinding_defaults(
    new: GitHubBinding, old: Object | None, context: AdmissionContext
) -> None:
    """Everything is in the binding's own namespace."""
    new.spec.subject.namespace = new.spec.subject.namespace or new.metadata.namespace


def validate_githubbinding(
    new: GitHubBinding, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault."""
    if context.subresource == "status":
        return []
    subject, ref = new.spec.subject, new.spec.access_token.secret_key_ref
    errors = under("subject", validate_subject(subject))
    if ref is None:
        errors.append(missing_field("accessToken.secretKeyRef"))
    else:
        missing = [name for name in ("name", "key") if not getattr(ref, name)]
        errors += [missing_field(f"accessToken.secretKeyRef.{name}") for name in missing]
    if subject.namespace and subject.namespace != new.metadata.namespace:
        errors.append(invalid_value(subject.namespace, "subject.namespace"))
    return under("spec", errors)
