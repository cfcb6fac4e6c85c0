"""Questions about permissions, and their answers."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apimachinery.scheme import Resource

GROUP = "authorization.k8s.io"


class ResourceAttributes(APIModel):
    """A verb on a resource."""

    namespace: str = ""
    verb: str = ""
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    field_selector: dict[str, Any] | None = None
    label_selector: dict[str, Any] | None = None


class NonResourceAttributes(APIModel):
    """A verb on a path."""

    path: str = ""
    verb: str = ""


class SelfSubjectAccessReviewSpec(APIModel):
    """What the one who asks would like to do."""

    resource_attributes: ResourceAttributes | None = None
    non_resource_attributes: NonResourceAttributes | None = None


class SubjectAccessReviewSpec(SelfSubjectAccessReviewSpec):
    """What somebody would like to do."""

    user: str = ""
    groups: list[str] = Field(default_factory=list)
    extra: dict[str, list[str]] = Field(default_factory=dict)
    uid: str = ""


class SubjectAccessReviewStatus(APIModel):
    """Whether it is allowed. ``allowed`` is always sent."""

    allowed: bool | None = None
    denied: bool = False
    reason: str = ""
    evaluation_error: str = ""


class SelfSubjectAccessReview(KResource[SelfSubjectAccessReviewSpec, SubjectAccessReviewStatus]):
    """May I?"""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "SelfSubjectAccessReview")

    spec: SelfSubjectAccessReviewSpec = Field(default_factory=SelfSubjectAccessReviewSpec)
    status: SubjectAccessReviewStatus = Field(default_factory=SubjectAccessReviewStatus)


class SubjectAccessReview(KResource[SubjectAccessReviewSpec, SubjectAccessReviewStatus]):
    """May they?"""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "SubjectAccessReview")

    spec: SubjectAccessReviewSpec = Field(default_factory=SubjectAccessReviewSpec)
    status: SubjectAccessReviewStatus = Field(default_factory=SubjectAccessReviewStatus)


class LocalSubjectAccessReview(KResource[SubjectAccessReviewSpec, SubjectAccessReviewStatus]):
    """May they, in this namespace?"""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "LocalSubjectAccessReview")

    spec: SubjectAccessReviewSpec = Field(default_factory=SubjectAccessReviewSpec)
    status: SubjectAccessReviewStatus = Field(default_factory=SubjectAccessReviewStatus)


class SelfSubjectRulesReviewSpec(APIModel):
    """Where."""

    namespace: str = ""


class SubjectRulesReviewStatus(APIModel):
    """Everything the one who asks may do. All members are always sent."""

    resource_rules: list[dict[str, Any]] | None = None
    non_resource_rules: list[dict[str, Any]] | None = None
    incomplete: bool | None = None
    evaluation_error: str = ""


class SelfSubjectRulesReview(KResource[SelfSubjectRulesReviewSpec, SubjectRulesReviewStatus]):
    """What may I?"""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "SelfSubjectRulesReview")

    spec: SelfSubjectRulesReviewSpec = Field(default_factory=SelfSubjectRulesReviewSpec)
    status: SubjectRulesReviewStatus = Field(default_factory=SubjectRulesReviewStatus)


_CREATE = ("create",)

RESOURCES: tuple[Resource, ...] = (
    Resource(
        SelfSubjectAccessReview,
        "selfsubjectaccessreviews",
        namespaced=False,
        verbs=_CREATE,
        custom=False,
    ),
    Resource(
        SubjectAccessReview, "subjectaccessreviews", namespaced=False, verbs=_CREATE, custom=False
    ),
    Resource(LocalSubjectAccessReview, "localsubjectaccessreviews", verbs=_CREATE, custom=False),
    Resource(
        SelfSubjectRulesReview,
        "selfsubjectrulesreviews",
        namespaced=False,
        verbs=_CREATE,
        custom=False,
    ),
)
