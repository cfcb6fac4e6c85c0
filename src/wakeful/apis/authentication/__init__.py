"""The authentication group: who somebody is; answered, never stored."""

from wakeful.apis.authentication.review_types import (
    RESOURCES,
    SelfSubjectReview,
    TokenRequest,
    TokenReview,
    UserInfoStatus,
)

__all__ = ["RESOURCES", "SelfSubjectReview", "TokenRequest", "TokenReview", "UserInfoStatus"]
