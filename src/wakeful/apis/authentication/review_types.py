"""Questions about identity, and their answers."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource, Object, Time
from wakeful.apimachinery.scheme import Resource

GROUP = "authentication.k8s.io"


class UserInfoStatus(APIModel):
    """A user, as reviews show it."""

    username: str = ""
    uid: str = ""
    groups: list[str] = Field(default_factory=list)
    extra: dict[str, list[str]] = Field(default_factory=dict)


class SelfSubjectReviewStatus(APIModel):
    """The user who asked."""

    user_info: UserInfoStatus = Field(default_factory=UserInfoStatus)


class SelfSubjectReview(Object):
    """Who am I?"""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "SelfSubjectReview")

    status: SelfSubjectReviewStatus = Field(default_factory=SelfSubjectReviewStatus)


class TokenReviewSpec(APIModel):
    """A token, and for whom it should be good."""

    token: str = ""
    audiences: list[str] = Field(default_factory=list)


class TokenReviewStatus(APIModel):
    """Whether the token is good, and whose it is."""

    authenticated: bool | None = None
    user: UserInfoStatus | None = None
    audiences: list[str] = Field(default_factory=list)
    error: str = ""


class TokenReview(KResource[TokenReviewSpec, TokenReviewStatus]):
    """Whose token is this?"""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "TokenReview")

    spec: TokenReviewSpec = Field(default_factory=TokenReviewSpec)
    status: TokenReviewStatus = Field(default_factory=TokenReviewStatus)


class BoundObjectReference(APIModel):
    """An object whose end is the token's end."""

    kind: str = ""
    api_version: str = ""
    name: str = ""
    uid: str = ""


class TokenRequestSpec(APIModel):
    """For whom and for how long the token should be good."""

    audiences: list[str] = Field(default_factory=list)
    expiration_seconds: int | None = None
    bound_object_ref: BoundObjectReference | None = None


class TokenRequestStatus(APIModel):
    """The token."""

    token: str = ""
    expiration_timestamp: Time | None = None


class TokenRequest(KResource[TokenRequestSpec, TokenRequestStatus]):
    """A token, please; the body of ``serviceaccounts/<name>/token``."""

    gvk: ClassVar = GroupVersionKind(GROUP, "v1", "TokenRequest")

    spec: TokenRequestSpec = Field(default_factory=TokenRequestSpec)
    status: TokenRequestStatus = Field(default_factory=TokenRequestStatus)


_CREATE = ("create",)

RESOURCES: tuple[Resource, ...] = (
    Resource(
        SelfSubjectReview, "selfsubjectreviews", namespaced=False, verbs=_CREATE, custom=False
    ),
    Resource(TokenReview, "tokenreviews", namespaced=False, verbs=_CREATE, custom=False),
)
