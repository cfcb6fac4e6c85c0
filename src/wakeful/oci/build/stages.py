"""Dockerfiles without Docker: their stages laid out on this machine's own programs.

What a base image would bring comes from the host, so a Dockerfile whose bases are languages and
shells that this machine has, or ``scratch``, builds in seconds and needs no image at all. Others
are refused, with the reason.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from wakeful.oci.build.copying import copy_into, find_sources
from wakeful.oci.build.download import download
from wakeful.oci.build.hostrun import (
    HOST_TOPS,
    SHIMS,
    Layered,
    bubblewrap,
    make_argv,
    sweep,
    write_shims,
)
from wakeful.oci.build.ignore import IgnoreRules
from wakeful.oci.build.instructions import (
    DockerfileText,
    Instruction,
    StageText,
    expand,
    parse_pairs,
)
from wakeful.oci.build.interpreter import Interpreter
from wakeful.oci.build.workbench import Workbench
from wakeful.oci.builtin.model import INTERPRETER, BuiltinImage, Catalog, Program
from wakeful.oci.builtin.shells import LANGUAGES, PATH, SHELLS
from wakeful.oci.errors import BuildError, InvalidReferenceError
from wakeful.oci.layers import resolve_in_root
from wakeful.oci.reference import parse_reference

PACKAGES = "/.wakeful/packages"
"""Where pip puts what a Dockerfile installs."""

_ARGUMENTS = {"TARGETOS": "linux", "TARGETPLATFORM": "", "BUILDPLATFORM": ""}
_BARE_BASES = re.compile(
    r"(.*/)?distroless/.*|(.*/)?(static|base)-debian\d+|cgr\.dev/chainguard/static"
)
_BASES = Catalog.of(SHELLS, LANGUAGES)


@dataclass(slots=True, kw_only=True)
class Stage:
    """One stage as far as it has come."""

    files: Layered
    env: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    cmd: list[str] = field(default_factory=list)
    user: str = ""
    ports: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    stop_signal: str = ""
    shell: list[str] = field(default_factory=lambda: ["/bin/sh", "-c"])

    def place(self, path: str) -> Path:
        """Where ``path`` of the image lies on this machine, links in the image followed."""
        clean = posixpath.normpath(posixpath.join(self.workdir, path)).lstrip("/")
        top, _, rest = clean.partition("/")
        host = Path("/", top)
        if top in HOST_TOPS and host.is_symlink():  # /bin is in /usr on most machines
            top, _, below = str(host.resolve()).lstrip("/").partition("/")
            rest = posixpath.join(below, rest)
        if top in HOST_TOPS:
            base = self.files.upper / top
            base.mkdir(parents=True, exist_ok=True)
            return Path(resolve_in_root(str(base), rest)) if rest else base
        return Path(resolve_in_root(str(self.files.root), clean)) if clean else self.files.root

    @property
    def values(self) -> dict[str, str]:
        """What variables stand for: ENV wins over ARG."""
        return {**self.arguments, **self.env}


class HostBuilder:
    """Carries out the stages of one Dockerfile."""

    def __init__(
        self,
        bench: Workbench,
        interpreter: Interpreter | None,
        *,
        build_args: Mapping[str, str],
        subject: str = "Dockerfile",
    ) -> None:
        self._bench, self._interpreter = bench, interpreter
        self._args, self._subject = build_args, subject
        self._rules = IgnoreRules.of(bench.source)
        self._shims = bench.scratch / "shims"
        self._stages: list[tuple[str, Stage]] = []
        write_shims(self._shims, interpreter.path if interpreter else "python3", PACKAGES)

    async def build(self, text: DockerfileText, target: str = "") -> Stage:
        """Build up to the stage ``target``, else to the last; return it.

        Raises:
            BuildError: A base that this machine has nothing for, an instruction that fails.
        """
        leading: dict[str, str] = {}
        for one in text.arguments:
            self._argument(one, leading, leading)
        wanted = text.needed_for(target, subject=self._subject)
        for number, stage_text in enumerate(text.stages):
            if number in wanted:
                stage = self._start(stage_text, leading, number)
                for one in stage_text.instructions:
                    await self._carry_out(one, stage, leading)
                self._stages.append((stage_text.name or str(number), stage))
                sweep(stage.files)
        return self._stages[-1][1]

    # --- FROM ---------------------------------------------------------------------------------

    def _start(self, text: StageText, leading: Mapping[str, str], number: int) -> Stage:
        home = self._bench.scratch / f"stage{number}"
        files = Layered(home / "root", home / "upper", home / "work")
        for directory in (files.root, files.upper, files.work):
            directory.mkdir(parents=True)
        base = expand(text.base, leading)
        earlier = self._find(base)
        if earlier is not None:
            for source, into in (
                (earlier.files.root, files.root),
                (earlier.files.upper, files.upper),
            ):
                copy_into(source, [""], _below(into), "/", _ALL, several=True)
            return replace(
                earlier,
                files=files,
                env=dict(earlier.env),
                arguments={},
                labels=dict(earlier.labels),
                ports=list(earlier.ports),
                volumes=list(earlier.volumes),
            )
        stage = Stage(files=files)
        if base == "scratch":
            return stage
        builtin = self._base(base, text.line)
        stage.env = {"PATH": PATH, **(builtin.env if builtin else {})}
        if builtin is not None:
            stage.cmd = list(builtin.cmd)
            self._lay_out(builtin, stage)
            self._bench.note(f"FROM {base}: {builtin.description} instead")
        return stage

    def _base(self, base: str, line: int) -> BuiltinImage | None:
        if _BARE_BASES.fullmatch(base.split("@")[0].rpartition(":")[0] or base):
            return None
        try:
            found = _BASES.find(parse_reference(base))
        except InvalidReferenceError as error:
            raise BuildError(self._subject, f"line {line}: FROM {base}: {error}") from error
        if found is None:
            raise BuildError(
                self._subject,
                f"line {line}: FROM {base}: this machine has nothing that could stand in for this "
                "image; there are scratch, shells (ubuntu, debian, alpine, …) and the languages "
                "that are installed here",
            )
        return found

    def _lay_out(self, builtin: BuiltinImage, stage: Stage) -> None:
        for path, content in builtin.contents.items():
            target = stage.place(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Program):
                target.write_text(content.text)
                target.chmod(0o755)
            elif content != INTERPRETER:
                target.symlink_to(content)
            elif self._interpreter is not None:
                target.symlink_to(self._interpreter.path)

    def _find(self, name: str) -> Stage | None:
        for number, (known, stage) in enumerate(self._stages):
            if name.lower() == known or name == str(number):
                return stage
        return None

    # --- everything else ----------------------------------------------------------------------

    async def _carry_out(self, one: Instruction, stage: Stage, leading: Mapping[str, str]) -> None:
        match one.name:
            case "RUN":
                await self._run(one, stage)
            case "COPY" | "ADD":
                self._copy(one, stage)
            case "ARG":
                self._argument(one, stage.arguments, {**leading, **stage.values}, leading)
            case "ENV":
                pairs = self._pairs(one)
                values = stage.values
                stage.env.update({k: expand(v, values) for k, v in pairs.items()})
            case "LABEL":
                pairs = self._pairs(one)
                stage.labels.update({k: expand(v, stage.values) for k, v in pairs.items()})
            case "WORKDIR":
                where = expand(one.text.strip("\"'"), stage.values)
                stage.workdir = posixpath.normpath(posixpath.join(stage.workdir, where))
                stage.place(stage.workdir).mkdir(parents=True, exist_ok=True)
            case "CMD":
                stage.cmd = self._command(one, stage)
            case "ENTRYPOINT":
                stage.entrypoint, stage.cmd = self._command(one, stage), []
            case "SHELL":
                stage.shell = one.words() or self._wrong(one, 'not ["program", "argument"]')
            case "EXPOSE":
                stage.ports += expand(one.text, stage.values).split()
            case "VOLUME":
                stage.volumes += one.words() or expand(one.text, stage.values).split()
            case "USER":
                stage.user = expand(one.text, stage.values)
            case "STOPSIGNAL":
                stage.stop_signal = expand(one.text, stage.values)
            case "HEALTHCHECK" | "ONBUILD" | "MAINTAINER":
                self._bench.note(f"line {one.line}: {one.name} means nothing here")

    def _argument(
        self,
        one: Instruction,
        into: dict[str, str],
        values: Mapping[str, str],
        leading: Mapping[str, str] | None = None,
    ) -> None:
        for word in shlex.split(one.text):
            name, given, default = word.partition("=")
            if name in self._args:
                into[name] = self._args[name]
            elif given:
                into[name] = expand(default, values)
            elif leading and name in leading:
                into[name] = leading[name]
            elif name in _ARGUMENTS:
                into[name] = _ARGUMENTS[name]

    def _command(self, one: Instruction, stage: Stage) -> list[str]:
        words = one.words()
        return [*stage.shell, one.text] if words is None else words

    def _pairs(self, one: Instruction) -> dict[str, str]:
        return parse_pairs(one.text, subject=self._subject, line=one.line)

    def _wrong(self, one: Instruction, problem: str) -> list[str]:
        raise BuildError(self._subject, f"line {one.line}: {one.name} {one.text}: {problem}")

    async def _run(self, one: Instruction, stage: Stage) -> None:
        if bubblewrap() is None:
            self._wrong(one, "bubblewrap, which keeps commands apart, is not installed")
        words = one.words()
        command = words if words is not None else [*stage.shell, self._script(one)]
        env = {"HOME": "/root", **stage.arguments, **stage.env}
        env["PATH"] = f"{SHIMS}:{env.get('PATH', PATH)}"
        env["PYTHONPATH"] = ":".join(filter(None, (PACKAGES, env.get("PYTHONPATH"))))
        (stage.files.root / "root").mkdir(exist_ok=True)
        self._bench.note(f"RUN {one.text.splitlines()[0][:120]}")
        argv = make_argv(stage.files, command, env, stage.workdir, self._shims)
        await self._bench.run(argv, cwd=self._bench.source, title=f"RUN {one.text}")
        if (stage.place(PACKAGES)).is_dir() and "PYTHONPATH" not in stage.env:
            stage.env["PYTHONPATH"] = PACKAGES
            stage.env["PATH"] = f"{PACKAGES}/bin:{stage.env.get('PATH', PATH)}"

    def _script(self, one: Instruction) -> str:
        """The text for the shell; a here-document that stands alone is the script itself."""
        if not one.documents:
            return one.text
        name, content = next(iter(one.documents.items()))
        if re.fullmatch(rf"<<-?[\"']?{name}[\"']?", one.text):
            return content
        ends = "".join(f"\n{text}{mark}" for mark, text in one.documents.items())
        return f"{one.text}{ends}\n"

    def _copy(self, one: Instruction, stage: Stage) -> None:
        words = one.words() or shlex.split(expand(one.text, stage.values))
        if len(words) < 2:
            self._wrong(one, "needs a source and a destination")
        *sources, destination = [expand(word, stage.values) for word in words]
        if destination in (".", "./"):
            destination = f"{stage.workdir.rstrip('/')}/"
        mode = int(one.flag("chmod"), 8) if one.flag("chmod").isdigit() else None
        for name, content in one.documents.items():
            sources.remove(next(word for word in sources if name in word and "<<" in word))
            target = destination + name if destination.endswith("/") else destination
            file = stage.place(target)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
            file.chmod(mode or 0o644)
        for source in sources:
            several = len(sources) > 1
            if one.name == "ADD" and urlsplit(source).scheme in ("http", "https"):
                self._download(one, source, stage, destination, mode)
            elif one.flag("from"):
                self._copy_from(one, source, stage, destination, several, mode)
            else:
                names = find_sources(self._bench.source, source, self._rules.ignores)
                if not names:
                    self._wrong(one, f"the context has no {source!r}, or it is ignored")
                copy_into(
                    self._bench.source,
                    names,
                    stage.place,
                    posixpath.join(stage.workdir, destination),
                    self._rules,
                    several=several or len(names) > 1,
                    mode=mode,
                    unpack=one.name == "ADD",
                )

    def _copy_from(
        self,
        one: Instruction,
        source: str,
        stage: Stage,
        destination: str,
        several: bool,
        mode: int | None,
    ) -> None:
        """From an earlier stage, else from what the host shows in its place."""
        name = expand(one.flag("from"), stage.values)
        earlier = self._find(name)
        if earlier is None:
            self._base(name, one.line)  # raises for an image that nothing stands in for
        path = posixpath.normpath(posixpath.join("/", source))
        goal = posixpath.normpath(posixpath.join(stage.workdir, destination))
        place = earlier.place(path) if earlier else Path(path)
        roots = [(place.parent, place.name)] if place.name else [(place, "")]
        for root, pattern in roots:
            names = find_sources(root, pattern, lambda _: False)
            if not names and path.split("/")[1] in HOST_TOPS:
                if goal == path or posixpath.dirname(path) == goal:
                    return  # the host shows it there anyway
                root = Path(path).parent
                names = find_sources(root, Path(path).name, lambda _: False)
            if not names:
                self._wrong(one, f"{name} has no {source!r}")
            copy_into(
                root,
                names,
                stage.place,
                goal + ("/" if destination.endswith("/") else ""),
                _ALL,
                several=several or len(names) > 1,
                mode=mode,
            )

    def _download(
        self, one: Instruction, url: str, stage: Stage, destination: str, mode: int | None
    ) -> None:
        name = posixpath.basename(urlsplit(url).path) or "index.html"
        target = stage.place(destination + name if destination.endswith("/") else destination)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            data = download(url)
        except OSError as error:
            raise BuildError(self._subject, f"line {one.line}: ADD {url}: {error}") from error
        target.write_bytes(data)
        target.chmod(mode or 0o600)


_ALL = IgnoreRules()


def _below(root: Path) -> Callable[[str], Path]:
    """Where paths of an image lie when it is laid out at ``root``."""
    return lambda path: root / path.lstrip("/")
