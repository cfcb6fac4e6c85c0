"""Who may read from a Broker or Channel of another namespace: asked when the reader is written."""

from __future__ import annotations

from wakeful.apimachinery.errors import BadRequestError
from wakeful.apimachinery.meta import Object
from wakeful.apis.duck import KReference
from wakeful.apis.duck.features import CROSS_NAMESPACE_EVENT_LINKS, load_features
from wakeful.apis.eventing import Trigger
from wakeful.apis.messaging import Subscription
from wakeful.apiserver.admission import AdmissionRequest
from wakeful.apiserver.protocols import AccessAttributes, Authorizer

WEBHOOK = "validation.webhook.eventing.knative.dev"
VERB = "knsubscribe"
"""What a role must allow, on the Broker or Channel that is read from."""


class CrossNamespaceAdmission:
    """An admission hook; refuses every such reader until it is given whom to ask."""

    def __init__(self) -> None:
        self.authorizer: Authorizer | None = None

    def __call__(self, request: AdmissionRequest) -> None:
        """Check one write.

        Raises:
            BadRequestError: The writer may not read there.
        """
        ref = _source_of(request.obj) if request.obj is not None else None
        if ref is None or ref.namespace in ("", request.namespace):
            return
        if not load_features(request.context.config).is_enabled(CROSS_NAMESPACE_EVENT_LINKS):
            return  # references that leave the namespace are invalid then
        attributes = AccessAttributes(
            VERB,
            ref.group or ref.gvk.group,
            resource=f"{ref.kind.lower()}s",
            namespace=ref.namespace,
            name=ref.name,
        )
        asked = self.authorizer
        if asked is None or not asked.authorize(request.user, attributes).allowed:
            raise BadRequestError(
                f'admission webhook "{WEBHOOK}" denied the request: validation failed: user'
                f" {request.user.name} is not authorized to get target resource in namespace:"
                f" {ref.namespace}: spec.{ref.kind}Namespace"
            )


def _source_of(obj: Object) -> KReference | None:
    """What a Trigger or Subscription reads from."""
    if isinstance(obj, Trigger):
        return obj.spec.broker_ref
    if isinstance(obj, Subscription):
        return obj.spec.channel
    return None
