"""GitHubSource: what happens on GitHub, through a webhook."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from wakeful.apimachinery.conditions import ConditionSet
from wakeful.apimachinery.meta import APIModel, GroupVersionKind, KResource
from wakeful.apis.core.container_types import SecretKeySelector
from wakeful.apis.duck import SINK_PROVIDED, Addressable, SourceSpec
from wakeful.apis.sources import register
from wakeful.apis.sources.source_lifecycle import LivingSourceStatus

SECRETS_PROVIDED = "SecretsProvided"
WEBHOOK_CONFIGURED = "WebhookConfigured"

GITHUB_EVENTS = (
    "check_suite",
    "commit_comment",
    "create",
    "delete",
    "deployment",
    "deployment_status",
    "fork",
    "gollum",
    "installation",
    "integration_installation",
    "issue_comment",
    "issues",
    "label",
    "member",
    "membership",
    "milestone",
    "organization",
    "org_block",
    "page_build",
    "ping",
    "project_card",
    "project_column",
    "project",
    "public",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "release",
    "repository",
    "status",
    "team",
    "team_add",
    "watch",
)
"""Events a source may ask for."""


class SecretValueFromSource(APIModel):
    """Where a secret value is."""

    secret_key_ref: SecretKeySelector | None = None


class GitHubSourceSpec(SourceSpec):
    """Whose events, and how to subscribe to them."""

    service_account_name: str = ""
    """Accepted for upstream's sake: no pod of the source's runs here."""
    owner_and_repository: str = ""
    event_types: list[str] = Field(default_factory=list)
    access_token: SecretValueFromSource = Field(default_factory=SecretValueFromSource)
    secret_token: SecretValueFromSource = Field(default_factory=SecretValueFromSource)
    github_api_url: str = Field(default="", alias="githubAPIURL")
    secure: bool | None = None
    """Whether GitHub calls over https; None is http, as the gateway's URLs are."""


class GitHubSourceStatus(LivingSourceStatus):
    """The webhook."""

    condition_set: ClassVar = ConditionSet.living(
        SECRETS_PROVIDED, SINK_PROVIDED, WEBHOOK_CONFIGURED
    )

    webhook_id_key: str = Field(default="", alias="webhookIDKey")
    address: Addressable | None = None
    """Where GitHub is told to call."""

    def mark_secrets(self) -> None:
        """Both tokens were found."""
        self.manager.mark_true(SECRETS_PROVIDED)

    def mark_no_secrets(self, reason: str, message: str) -> None:
        """A token is missing."""
        self.manager.mark_false(SECRETS_PROVIDED, reason, message)

    def mark_webhook(self) -> None:
        """GitHub calls."""
        self.manager.mark_true(WEBHOOK_CONFIGURED)

    def mark_no_webhook(self, reason: str, message: str) -> None:
        """GitHub does not call."""
        self.manager.mark_false(WEBHOOK_CONFIGURED, reason, message)

    def mark_webhook_waiting(self, reason: str, message: str) -> None:
        """Nobody could answer GitHub yet."""
        self.manager.mark_unknown(WEBHOOK_CONFIGURED, reason, message)


class GitHubSource(KResource[GitHubSourceSpec, GitHubSourceStatus]):
    """Sends what a webhook brings."""

    gvk: ClassVar = GroupVersionKind(register.GROUP, "v1alpha1", "GitHubSource")

    spec: GitHubSourceSpec = Field(default_factory=GitHubSourceSpec)
    status: GitHubSourceStatus = Field(default_factory=GitHubSourceStatus)

    @property
    def wanted(self) -> GitHubSourceSpec:
        """The spec in today's shape."""
        return self.spec
