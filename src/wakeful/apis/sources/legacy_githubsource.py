"""GitHubSource of 2019's group."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.fields import FieldErrors, under
from wakeful.apimachinery.meta import GroupVersionKind, KResource, Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.duck import load_features
from wakeful.apis.sources import register
from wakeful.apis.sources.githubsource_rules import validate_githubsource_spec
from wakeful.apis.sources.githubsource_types import (
    GitHubSourceSpec,
    GitHubSourceStatus,
    SecretValueFromSource,
)
from wakeful.apis.sources.legacy_sink import LegacySourceSpec, validate_legacy_sink


class LegacyGitHubSourceSpec(LegacySourceSpec):
    """Whose events, and how to subscribe to them."""

    owner_and_repository: str = ""
    event_types: list[str] = Field(default_factory=list)
    access_token: SecretValueFromSource = Field(default_factory=SecretValueFromSource)
    secret_token: SecretValueFromSource = Field(default_factory=SecretValueFromSource)
    github_api_url: str = Field(default="", alias="githubAPIURL")
    secure: bool | None = None


class LegacyGitHubSource(KResource[LegacyGitHubSourceSpec, GitHubSourceStatus]):
    """Sends what a webhook brings."""

    gvk: ClassVar = GroupVersionKind(register.LEGACY_GROUP, register.LEGACY_VERSION, "GitHubSource")

    spec: LegacyGitHubSourceSpec = Field(default_factory=LegacyGitHubSourceSpec)
    status: GitHubSourceStatus = Field(default_factory=GitHubSourceStatus)

    @property
    def wanted(self) -> GitHubSourceSpec:
        """The spec in today's shape."""
        spec, common = self.spec, self.spec.source_spec()
        return GitHubSourceSpec(
            sink=common.sink,
            ce_overrides=common.ce_overrides,
            service_account_name=spec.service_account_name,
            owner_and_repository=spec.owner_and_repository,
            event_types=spec.event_types,
            access_token=spec.access_token,
            secret_token=spec.secret_token,
            github_api_url=spec.github_api_url,
            secure=spec.secure,
        )


def validate_legacy_githubsource(
    new: LegacyGitHubSource, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault."""
    if context.subresource == "status":
        return []
    sink = under("spec", validate_legacy_sink(new.spec.sink))
    rest = under("spec", validate_githubsource_spec(new.wanted, load_features(context.config)))
    return sink + [error for error in rest if not _is_about_sink(error.paths)]


def _is_about_sink(paths: tuple[str, ...]) -> bool:
    return any(path.startswith("spec.sink") for path in paths)
