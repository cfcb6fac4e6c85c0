"""From a JobSink and an event to a Job and the Secret that brings it the event. Pure."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import quote, unquote

from wakeful.apimachinery.meta import NamespacedName, ObjectMeta, OwnerReference, owner_reference
from wakeful.apimachinery.names import child_name
from wakeful.apis.batch import Job, JobSpec
from wakeful.apis.core import Secret
from wakeful.apis.core.container_types import Container, EnvVar
from wakeful.apis.core.volume_types import SecretVolumeSource, Volume, VolumeMount
from wakeful.apis.sinks import JobSink, register
from wakeful.cloudevents import Event, to_json

EVENT_KEY = "event"


def job_name(sink: str, source: str, event_id: str) -> str:
    """The Job of one event: the same for the same event, so that none runs twice."""
    digest = hashlib.md5((source + event_id).encode(), usedforsecurity=False).hexdigest()
    return child_name(f"{sink}-", digest)


def location(sink: NamespacedName, source: str, event_id: str) -> str:
    """The path under which one can ask how an event's Job does."""
    parts = (quote(part, safe="") for part in (sink.namespace, sink.name, source, event_id))
    return "/namespaces/{}/name/{}/sources/{}/ids/{}".format(*parts)


def parse_location(path: str) -> tuple[NamespacedName, str, str] | None:
    """JobSink, source and id of such a path; None for any other path."""
    parts = path.removesuffix("/").split("/")
    if len(parts) != 9 or parts[1::2] != ["namespaces", "name", "sources", "ids"]:
        return None
    namespace, name, source, event_id = (unquote(part) for part in parts[2::2])
    return NamespacedName(namespace, name), source, event_id


def make_job(sink: JobSink, name: str) -> Job:
    """The Job of one event, whose containers find it as a file."""
    assert sink.spec.job is not None
    meta, spec = sink.metadata, sink.spec.job.spec.model_copy(deep=True)
    template = sink.spec.job.metadata
    for container in spec.template.spec.containers:
        container.env.append(EnvVar(name=register.EVENT_PATH, value=_mount(container)))
    volumes = spec.template.spec.volumes
    if all(volume.name != register.EVENT_VOLUME for volume in volumes):
        secret = SecretVolumeSource(secret_name=name)
        volumes.append(Volume(name=register.EVENT_VOLUME, secret=secret))
    return Job(
        metadata=ObjectMeta(
            name=name,
            namespace=meta.namespace,
            labels=template.labels | _labels(sink, name),
            annotations=dict(template.annotations),
            owner_references=[owner_reference(sink)],
        ),
        spec=JobSpec.model_validate(spec),
    )


def _mount(container: Container) -> str:
    for mount in container.volume_mounts:
        if mount.name == register.EVENT_VOLUME:
            return mount.mount_path
    container.volume_mounts.append(
        VolumeMount(name=register.EVENT_VOLUME, read_only=True, mount_path=register.EVENT_DIRECTORY)
    )
    return register.EVENT_DIRECTORY


def make_event_secret(sink: JobSink, job: Job, event: Event) -> Secret:
    """The event in structured JSON; it goes when the Job goes."""
    owner: OwnerReference = owner_reference(job)
    return Secret(
        metadata=ObjectMeta(
            name=job.metadata.name,
            namespace=job.metadata.namespace,
            labels=_labels(sink, job.metadata.name),
            owner_references=[owner],
        ),
        type="Opaque",
        immutable=True,
        data={EVENT_KEY: base64.b64encode(to_json(event)).decode()},
    )


def _labels(sink: JobSink, name: str) -> dict[str, str]:
    return {
        register.JOBSINK_ID_LABEL: name,
        register.JOBSINK_NAME_LABEL: sink.metadata.name[:63],
    }
