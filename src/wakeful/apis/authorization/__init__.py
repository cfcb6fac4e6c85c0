"""The authorization group: whether somebody may do something; answered, never stored."""

from wakeful.apis.authorization.review_types import (
    RESOURCES,
    LocalSubjectAccessReview,
    NonResourceAttributes,
    ResourceAttributes,
    SelfSubjectAccessReview,
    SelfSubjectRulesReview,
    SubjectAccessReview,
)

__all__ = [
    "RESOURCES",
    "LocalSubjectAccessReview",
    "NonResourceAttributes",
    "ResourceAttributes",
    "SelfSubjectAccessReview",
    "SelfSubjectRulesReview",
    "SubjectAccessReview",
]
