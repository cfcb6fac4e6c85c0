"""Trying out, in a dry run, the Pod that a template will make."""

from __future__ import annotations

from wakeful.apimachinery.errors import BadRequestError, InvalidError
from wakeful.apimachinery.fields import to_causes
from wakeful.apimachinery.meta import ObjectMeta
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.core.pod_defaults import set_pod_defaults
from wakeful.apis.core.pod_types import Pod
from wakeful.apis.core.pod_validation import validate_pod
from wakeful.apis.serving import Configuration, Revision, Service, register
from wakeful.apis.serving.admission import load_config
from wakeful.apis.serving.config import DeploymentConfig
from wakeful.apis.serving.configuration_defaults import set_configuration_defaults
from wakeful.apis.serving.configuration_validation import validate_configuration
from wakeful.apis.serving.service_defaults import set_service_defaults
from wakeful.apis.serving.service_validation import validate_service
from wakeful.apiserver.admission import AdmissionRequest
from wakeful.reconciler.serving.revision.pod import make_pod_spec

WEBHOOK = "validation.webhook.serving.knative.dev"
"""Denials are worded as this webhook's."""
_NAME = "dry-run-validation"


def admit_dry_runs(request: AdmissionRequest) -> None:
    """An admission hook that finds, in a dry run, what only a Pod's own rules refuse.

    Outside of dry runs the same faults appear in the Revision's status, as upstream.

    Raises:
        BadRequestError: No Pod can be made of the template; the message is upstream's.
    """
    obj = request.obj
    if not request.context.dry_run or not isinstance(obj, Service | Configuration):
        return
    if isinstance(obj, Configuration) and register.SERVICE in obj.metadata.labels:
        return  # its Service was tried
    revision = _complete(obj, request)
    if revision is None:
        return
    pod = _make_pod(revision, request)
    fresh = AdmissionContext(operation="CREATE", now=request.context.now)
    set_pod_defaults(pod, None, fresh)
    if faults := validate_pod(pod, None, fresh):
        found = InvalidError.of("Pod", "", _NAME, to_causes(faults))
        raise BadRequestError(
            f'admission webhook "{WEBHOOK}" denied the request: validation callback failed:'
            f" dry run failed with {found}: spec.template"
        )


def _complete(obj: Service | Configuration, request: AdmissionRequest) -> Revision | None:
    """The Revision with all defaults; None when Serving's own rules refuse the object anyway."""
    context = request.context
    if isinstance(obj, Service):
        service = obj.model_copy(deep=True)
        set_service_defaults(service, request.old, context)
        faults, template = validate_service(service, request.old, context), service.spec.template
    else:
        configuration = obj.model_copy(deep=True)
        set_configuration_defaults(configuration, request.old, context)
        faults = validate_configuration(configuration, request.old, context)
        template = configuration.spec.template
    if faults:
        return None
    return Revision(metadata=ObjectMeta(name=_NAME), spec=template.spec)


def _make_pod(revision: Revision, request: AdmissionRequest) -> Pod:
    config = load_config(request.context.config)
    spec = make_pod_spec(revision, config.defaults, DeploymentConfig(), config.features)
    return Pod(metadata=ObjectMeta(name=_NAME, namespace=request.namespace), spec=spec)
