"""PipelineResources of tasks written before v1: steps that fetch and hand on, and variables. Pure.

The order is that of 2019: directories for outputs, inputs as declared, the task's own steps, then
what other tasks take from this one.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from posixpath import join

from wakeful.apimachinery.names import safe_encode
from wakeful.apis.core.pod_types import (
    EnvVar,
    EnvVarSource,
    HostPathVolumeSource,
    PersistentVolumeClaimVolumeSource,
    SecretKeySelector,
    Volume,
    VolumeMount,
)
from wakeful.apis.pipeline import PipelineResourceSpec, Step, TaskRun, TaskRunReason, TaskSpec
from wakeful.apis.pipeline.legacy_types import (
    TaskResource,
    TaskResourceBinding,
    TaskResources,
    TaskRunResources,
)
from wakeful.apis.pipeline.register import OLD_HOME_DIR, PIPELINE_RUN_LABEL, WORKSPACE_DIR
from wakeful.pipelines.errors import RunFailedError, user_error
from wakeful.pipelines.legacy import ARTIFACTS_DIR
from wakeful.pipelines.substitution import Replacements
from wakeful.pipelines.tasks import replace_in_task

GIT_IMAGE = "git-init"
SHELL_IMAGE = "busybox"
STORAGE_IMAGE = "google/cloud-sdk"
_OUTPUT_DIR = f"{WORKSPACE_DIR}/output"
_ARTIFACTS_VOLUME = "artifacts"


def artifacts_claim(pipeline_run: str) -> str:
    """The claim through which tasks of a run hand resources on."""
    return f"{pipeline_run}-pvc"


@dataclass(frozen=True, slots=True)
class BoundResource:
    """A resource that a task declares, and what it is in this run."""

    declared: TaskResource
    spec: PipelineResourceSpec
    binding: TaskResourceBinding
    is_input: bool

    @property
    def object_name(self) -> str:
        """Name of the PipelineResource; of one that is embedded, the name in the task."""
        ref = self.binding.resource_ref
        return ref.name if ref is not None and ref.name else self.declared.name

    @property
    def path(self) -> str:
        """Where the task finds or leaves it."""
        base = WORKSPACE_DIR if self.is_input else _OUTPUT_DIR
        return join(base, self.declared.target_path or self.declared.name)

    @property
    def attributes(self) -> dict[str, str]:
        """What variables tell of it."""
        kind = self.spec.type
        known = {"name": self.object_name, "type": kind, "path": self.path}
        known.update((p.name.lower(), p.value) for p in self.spec.params)
        if kind == "git":
            known.setdefault("revision", "master")
        if kind == "image":
            known.setdefault("digest", "")
        if kind == "cluster":
            known["name"] = self.spec.param("name") or self.object_name
        return known


@dataclass(slots=True)
class _Made:
    first: list[Step] = field(default_factory=list)
    last: list[Step] = field(default_factory=list)


def with_resources(
    run: TaskRun, spec: TaskSpec, specs: Mapping[str, PipelineResourceSpec]
) -> TaskSpec:
    """The task with steps and variables for its resources; ``specs`` are those of references.

    Raises:
        RunFailedError: One is not bound, or of a type that cannot be had here.
    """
    if spec.legacy is None or not (spec.legacy.inputs or spec.legacy.outputs):
        return spec
    bound = list(_bound(run, spec.legacy, specs))
    names = _Names(run)
    made = _Made()
    for one in bound:
        if not one.is_input:
            made.first.append(_directory(one.path, f"create-dir-{one.object_name}", names))
    for one in bound:
        if one.is_input:
            made.first += _fetch(one, names)
    inputs = {one.declared.name for one in bound if one.is_input}
    for one in bound:
        if not one.is_input:
            made.last += _hand_on(one, names, from_input=one.declared.name in inputs)
    table = Replacements({k: v for one in bound for k, v in _variables(one)})
    own = replace_in_task(spec, table)
    steps = [*made.first, *own.steps, *made.last]
    volumes = list(own.volumes)
    volumes += (volume for one in bound if (volume := _local_repository(one)) is not None)
    if any(one.binding.paths for one in bound):
        claim = artifacts_claim(run.metadata.labels.get(PIPELINE_RUN_LABEL, run.metadata.name))
        source = PersistentVolumeClaimVolumeSource(claim_name=claim)
        volumes.append(Volume(name=_ARTIFACTS_VOLUME, persistent_volume_claim=source))
    return own.model_copy(update={"steps": steps, "volumes": volumes})


def referenced_resources(run: TaskRun) -> list[str]:
    """Names of the PipelineResources that a run refers to."""
    bindings = run.spec.legacy
    every = (*bindings.inputs, *bindings.outputs) if bindings is not None else ()
    found = (b.resource_ref.name for b in every if b.resource_ref is not None)
    return list(dict.fromkeys(name for name in found if name))


def _bound(
    run: TaskRun, declared: TaskResources, specs: Mapping[str, PipelineResourceSpec]
) -> Iterator[BoundResource]:
    given = run.spec.legacy or TaskRunResources()
    sides = ((declared.inputs, given.inputs, True), (declared.outputs, given.outputs, False))
    for wanted, bindings, is_input in sides:
        by_name = {b.name: b for b in bindings}
        for resource in wanted:
            binding = by_name.get(resource.name)
            if binding is None:
                if resource.optional:
                    continue
                side = "input" if is_input else "output"
                raise _invalid(f'{side} resource "{resource.name}" not provided for task')
            spec = binding.resource_spec
            if spec is None and binding.resource_ref is not None:
                spec = specs.get(binding.resource_ref.name)
            if spec is None:
                raise _invalid(f'resource "{resource.name}" has neither a reference nor a spec')
            if resource.type and spec.type != resource.type:
                raise _invalid(
                    f'resource "{resource.name}" should be type "{resource.type}" but was'
                    f' "{spec.type}"'
                )
            yield BoundResource(resource, spec, binding, is_input)


def _invalid(text: str) -> RunFailedError:
    return RunFailedError(TaskRunReason.VALIDATION_FAILED, user_error(text))


def _variables(one: BoundResource) -> Iterator[tuple[str, str]]:
    side = "inputs" if one.is_input else "outputs"
    for key, value in one.attributes.items():
        yield f"{side}.resources.{one.declared.name}.{key}", value
        yield f"resources.{side}.{one.declared.name}.{key}", value
    if not one.is_input and one.spec.type == "image":
        folder = one.declared.output_image_dir
        path = folder or f"{OLD_HOME_DIR}/image-outputs/{one.declared.name}"
        yield f"outputs.resources.{one.declared.name}.outputimagedir", path


# --- steps ----------------------------------------------------------------------------------------


class _Names:
    """Names of steps, the same whenever the Pod of one run is made."""

    def __init__(self, run: TaskRun) -> None:
        self._uid, self._count = run.metadata.uid, 0

    def make(self, base: str) -> str:
        self._count += 1
        digest = hashlib.sha256(f"{self._uid}/{self._count}".encode()).hexdigest()
        return f"{base[:50]}-{safe_encode(digest)[:5]}"


def _shell(name: str, text: str, names: _Names, **more: object) -> Step:
    step = Step(name=names.make(name), image=SHELL_IMAGE, command=["sh"], args=["-c", text])
    return step.model_copy(update=more)


def _directory(path: str, name: str, names: _Names) -> Step:
    return _shell(name, f"mkdir -p {shlex.quote(path)}", names)


def _copy(name: str, source: str, target: str, names: _Names) -> Step:
    words = shlex.quote(source), shlex.quote(target)
    text = f"mkdir -p {words[1]} && cp -r {words[0]}/. {words[1]}"
    mount = VolumeMount(name=_ARTIFACTS_VOLUME, mount_path=ARTIFACTS_DIR)
    return _shell(name, text, names, volume_mounts=[mount])


def _fetch(one: BoundResource, names: _Names) -> list[Step]:
    if one.binding.paths:
        name = f"source-copy-{one.object_name}"
        return [_copy(name, path, one.path, names) for path in one.binding.paths]
    match one.spec.type:
        case "git":
            return [_clone(one, names)]
        case "storage":
            return [_download(one, names)]
        case "cluster":
            return [_kubeconfig(one, names)]
        case "image" | "cloudEvent":
            return []
    raise _invalid(
        f'resource "{one.declared.name}": type "{one.spec.type}" is not supported on this platform'
    )


def _clone(one: BoundResource, names: _Names) -> Step:
    spec = one.spec
    args = ["-url", spec.param("url"), "-revision", spec.param("revision") or "master"]
    args += ["-path", one.path]
    for flag, key in (("refspec", "refspec"), ("depth", "depth"), ("submodules", "submodules")):
        if value := spec.param(key):
            args.append(f"-{flag}={value}")
    if spec.param("sslVerify"):
        args.append(f"-sslVerify={spec.param('sslVerify')}")
    env = [EnvVar(name="TEKTON_RESOURCE_NAME", value=one.object_name)]
    for name in ("httpProxy", "httpsProxy", "noProxy"):
        if value := spec.param(name):
            variable = {"httpProxy": "HTTP_PROXY", "httpsProxy": "HTTPS_PROXY"}.get(
                name, "NO_PROXY"
            )
            env.append(EnvVar(name=variable, value=value))
    args += ["-terminationMessagePath", "/tekton/termination"]
    local = _local_repository(one)
    mounts = []
    if local is not None and local.host_path is not None:
        path = local.host_path.path
        mounts.append(VolumeMount(name=local.name, mount_path=path, read_only=True))
    return Step(
        name=names.make(f"git-source-{one.object_name}"),
        image=GIT_IMAGE,
        command=["/ko-app/git-init"],
        args=args,
        env=env,
        working_dir=WORKSPACE_DIR,
        volume_mounts=mounts,
    )


def _local_repository(one: BoundResource) -> Volume | None:
    """The volume that shows a repository of this machine to the step that clones it.

    It is the task's as any volume is: whoever may create runs may mount directories.
    """
    url = one.spec.param("url")
    path = url.removeprefix("file://")
    fetched = one.is_input and one.spec.type == "git" and not one.binding.paths
    if not fetched or not path.startswith("/"):
        return None
    digest = hashlib.sha256(path.encode()).hexdigest()[:10]
    source = HostPathVolumeSource(path=path, type="Directory")
    return Volume(name=f"repository-{digest}", host_path=source)


def _download(one: BoundResource, names: _Names) -> Step:
    location, target = shlex.quote(one.spec.param("location")), shlex.quote(one.path)
    words = f"gsutil cp {location} {target}/"
    if one.spec.param("dir"):
        words = f"gsutil rsync -d -r {location} {target}"
    step = _shell(f"fetch-{one.object_name}", f"mkdir -p {target} && {words}", names)
    return step.model_copy(update={"image": STORAGE_IMAGE})


def _kubeconfig(one: BoundResource, names: _Names) -> Step:
    """A file for kubectl at ``/workspace/NAME/kubeconfig``; secrets come as variables."""
    spec = one.spec
    name = spec.param("name") or one.object_name
    user = ['    token: "${TOKEN}"']
    if spec.param("username"):
        user = [f'    username: "{spec.param("username")}"', '    password: "${PASSWORD}"']
    authority = ["    insecure-skip-tls-verify: true"]
    if any(s.field_name.lower() == "cadata" for s in spec.secrets) or spec.param("cadata"):
        authority = ['    certificate-authority-data: "${CADATA}"']
    lines = [
        "apiVersion: v1",
        "kind: Config",
        "clusters:",
        f"- name: {name}",
        "  cluster:",
        f'    server: "{spec.param("url")}"',
        *authority,
        "users:",
        "- name: user",
        "  user:",
        *user,
        "contexts:",
        f"- name: {name}",
        "  context:",
        f"    cluster: {name}",
        "    user: user",
        *([f"    namespace: {spec.param('namespace')}"] if spec.param("namespace") else []),
        f"current-context: {name}",
    ]
    folder = f"{WORKSPACE_DIR}/{name}"
    body = "\n".join(lines)
    text = f"mkdir -p {folder}\ncat > {folder}/kubeconfig <<EOF\n{body}\nEOF"
    env = [
        EnvVar(name=key.upper(), value=spec.param(key))
        for key in ("token", "password", "cadata")
        if spec.param(key)
    ]
    env += (
        EnvVar(
            name=secret.field_name.upper(),
            value_from=EnvVarSource(
                secret_key_ref=SecretKeySelector(name=secret.secret_name, key=secret.secret_key)
            ),
        )
        for secret in spec.secrets
    )
    return _shell("kubeconfig", text, names, env=env)


def _hand_on(one: BoundResource, names: _Names, *, from_input: bool) -> list[Step]:
    """Leave an output where other tasks take it from, or upload it."""
    source = join(WORKSPACE_DIR, one.declared.name) if from_input else one.path
    steps = [
        _copy(f"source-copy-{one.object_name}", source, path, names) for path in one.binding.paths
    ]
    if one.spec.type == "storage":
        words = shlex.quote(source), shlex.quote(one.spec.param("location"))
        step = _shell(
            f"upload-{one.object_name}", f"gsutil rsync -d -r {words[0]} {words[1]}", names
        )
        steps.append(step.model_copy(update={"image": STORAGE_IMAGE}))
    return steps
