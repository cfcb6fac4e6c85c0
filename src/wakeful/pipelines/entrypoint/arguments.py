"""The command line of a step's container: flags for the entrypoint, then the step's own words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson

from wakeful.apimachinery.duration import format_duration, parse_duration
from wakeful.apimachinery.errors import WakefulError

_SWITCHES = frozenset(
    {
        "wait_file_content",
        "breakpoint_on_failure",
        "debug_before_step",
        "compress_termination_message",
        "enable_spire",
    }
)
_CREDENTIALS = ("basic-git", "ssh-git", "basic-docker", "docker-config", "docker-cfg")
_VALUES = frozenset(
    {
        "wait_file",
        "post_file",
        "termination_path",
        "step_metadata_dir",
        "results",
        "step_results",
        "when_expressions",
        "timeout",
        "stdout_path",
        "stderr_path",
        "on_error",
        "result_from",
        "entrypoint",
        *_CREDENTIALS,
    }
)
_FLAG = re.compile(r"--?([a-z][a-z_-]*)(?:=(.*))?", re.DOTALL)

_TERMINATION_PATH = "/tekton/termination"
CONTINUE = "continue"
FROM_SIDECAR_LOGS = "sidecar-logs"


class ArgumentsError(WakefulError):
    """A step's command line that the entrypoint would not understand either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepArguments:
    """What to wait for, what to run and what to leave behind.

    ``when`` holds the step's ``when`` as on the wire. ``credentials`` are pairs of a flag, such as
    ``basic-git``, and its value, such as ``secret=url``. ``entrypoint`` is the program; without one
    it is the image's own.
    """

    wait_file: str = ""
    wait_for_content: bool = False
    post_file: str = ""
    termination_path: str = _TERMINATION_PATH
    step_metadata_dir: str = ""
    results: tuple[str, ...] = ()
    step_results: tuple[str, ...] = ()
    when: tuple[dict[str, Any], ...] = ()
    timeout: timedelta | None = None
    stdout_path: str = ""
    stderr_path: str = ""
    on_error: str = ""
    result_from: str = ""
    compress: bool = False
    breakpoint_on_failure: bool = False
    debug_before_step: bool = False
    credentials: tuple[tuple[str, str], ...] = ()
    entrypoint: str = ""
    words: tuple[str, ...] = field(default=())
    """What follows ``--``: the step's command without the program, and its args."""

    @property
    def continues_on_error(self) -> bool:
        """Whether a program that failed does not keep later steps from starting."""
        return self.on_error == CONTINUE

    def render(self) -> list[str]:
        """Return the arguments in the order in which Tekton writes them."""
        return list(self._render())

    def _render(self) -> Iterator[str]:
        if self.wait_file:
            yield from ("-wait_file", self.wait_file)
        if self.wait_for_content:
            yield "-wait_file_content"
        yield from ("-post_file", self.post_file)
        yield from ("-termination_path", self.termination_path)
        yield from ("-step_metadata_dir", self.step_metadata_dir)
        for flag, value in self.credentials:
            yield f"-{flag}={value}"
        if self.result_from:
            yield from ("-result_from", self.result_from)
        if self.compress:
            yield "-compress_termination_message=true"
        if self.on_error:
            yield from ("-on_error", self.on_error)
        if self.timeout is not None:
            yield from ("-timeout", format_duration(self.timeout))
        if self.stdout_path:
            yield from ("-stdout_path", self.stdout_path)
        if self.stderr_path:
            yield from ("-stderr_path", self.stderr_path)
        if self.step_results:
            yield from ("-step_results", ",".join(self.step_results))
        if self.when:
            yield from ("--when_expressions", orjson.dumps(list(self.when)).decode())
        if self.results:
            yield from ("-results", ",".join(self.results))
        if self.breakpoint_on_failure:
            yield "-breakpoint_on_failure"
        if self.debug_before_step:
            yield "-debug_before_step"
        if self.entrypoint:
            yield from ("-entrypoint", self.entrypoint)
        yield "--"
        yield from self.words

    @classmethod
    def parse(cls, args: Sequence[str]) -> StepArguments:
        """Read what :meth:`render` writes, in any order and in either way of giving values.

        Raises:
            ArgumentsError: An unknown flag, or a value that cannot be read.
        """
        flags, words = _split(args)
        values = {name: value for name, value in flags if name not in _CREDENTIALS}
        try:
            timeout = parse_duration(values["timeout"]) if "timeout" in values else None
            when = orjson.loads(values["when_expressions"]) if "when_expressions" in values else []
        except ValueError as err:
            raise ArgumentsError(f"step arguments cannot be read: {err}") from err
        if not isinstance(when, list) or not all(isinstance(one, dict) for one in when):
            raise ArgumentsError("step arguments cannot be read: when_expressions is no list")
        return cls(
            wait_file=values.get("wait_file", ""),
            wait_for_content=values.get("wait_file_content") == "true",
            post_file=values.get("post_file", ""),
            termination_path=values.get("termination_path", _TERMINATION_PATH),
            step_metadata_dir=values.get("step_metadata_dir", ""),
            results=_names(values.get("results", "")),
            step_results=_names(values.get("step_results", "")),
            when=tuple(when),
            timeout=timeout or None,
            stdout_path=values.get("stdout_path", ""),
            stderr_path=values.get("stderr_path", ""),
            on_error=values.get("on_error", ""),
            result_from=values.get("result_from", ""),
            compress=values.get("compress_termination_message") == "true",
            breakpoint_on_failure=values.get("breakpoint_on_failure") == "true",
            debug_before_step=values.get("debug_before_step") == "true",
            credentials=tuple(one for one in flags if one[0] in _CREDENTIALS),
            entrypoint=values.get("entrypoint", ""),
            words=tuple(words),
        )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _split(args: Sequence[str]) -> tuple[list[tuple[str, str]], Sequence[str]]:
    """Return the flags with their values, and what follows ``--``."""
    flags: list[tuple[str, str]] = []
    place = 0
    while place < len(args):
        word = args[place]
        place += 1
        if word == "--":
            return flags, args[place:]
        found = _FLAG.fullmatch(word)
        if found is None:
            raise ArgumentsError(f"step arguments cannot be read: {word!r} is no flag")
        name, value = found.group(1), found.group(2)
        if name in _SWITCHES:
            value = "true" if value is None else value
        elif name not in _VALUES:
            raise ArgumentsError(f"step arguments cannot be read: unknown flag {name!r}")
        elif value is None:
            if place == len(args):
                raise ArgumentsError(f"step arguments cannot be read: {name!r} needs a value")
            value = args[place]
            place += 1
        flags.append((name, value))
    return flags, ()
