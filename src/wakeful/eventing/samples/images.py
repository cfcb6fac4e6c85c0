"""The images that the sample programs stand in for, under every name the book and upstream use."""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib.resources import files
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash

from wakeful.oci.builtin import BuiltinImage, Program

_LIBRARY = "/.wakeful/lib"
_PACKAGE = "wakeful/eventing/samples"
_MODULES = ("httpd", "messages", "layouts", "expressions")
_START = (
    "#!@python -IS\n"
    "import sys\n"
    f'sys.path.insert(0, "{_LIBRARY}")\n'
    "from wakeful.eventing.samples.{module} import main\n"
    "main()\n"
)


Contents = dict[str, Program | str | bytes]


class LazyContents(Mapping[str, Program | str | bytes]):
    """Files of an image that are read when it is made; most platforms never make most images."""

    def __init__(self, load: Callable[[], Contents]) -> None:
        self._load = load

    @cached_property
    def _files(self) -> Contents:
        return self._load()

    def __getitem__(self, path: str) -> Program | str | bytes:
        return self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def module_files(path: str, source: str) -> Contents:
    """A module and its bytecode, which saves most of the start of a large one.

    A Python of another version passes the bytecode over, and compiles.
    """
    text = source.encode()
    code = compile(text, path, "exec", dont_inherit=True)
    unchecked = (0b01).to_bytes(4, "little")  # by hash instead of time, and taken as it is
    cache = MAGIC_NUMBER + unchecked + source_hash(text) + marshal.dumps(code)
    return {path: Program(text=source), cache_from_source(path, optimization=""): cache}


def _contents(module: str, start: str) -> Contents:
    """One program and the modules it shares with the others."""
    found: Contents = {
        f"{_LIBRARY}/{package}/__init__.py": Program(text="")
        for package in ("wakeful", "wakeful/eventing", _PACKAGE)
    }
    for each in (*_MODULES, module):
        text = files(__package__).joinpath(f"{each}.py").read_text(encoding="utf-8")
        found |= module_files(f"{_LIBRARY}/{_PACKAGE}/{each}.py", text)
    found[start] = Program(text=_START.format(module=module))
    return found


def _sample(
    module: str,
    description: str,
    patterns: tuple[str, ...],
    *,
    name: str = "",
    env: dict[str, str] | None = None,
    arguments: tuple[str, ...] = (),
) -> BuiltinImage:
    """An image with one program."""
    start = "/ko-app/" + (name or module).replace("-", "_")
    return BuiltinImage(
        name=name or module,
        description=description,
        patterns=patterns,
        entrypoint=(start, *arguments),
        env={"PATH": "/usr/local/bin:/usr/bin:/bin:/ko-app", "PYTHONUNBUFFERED": "1"} | (env or {}),
        ports=(8080,),
        contents=LazyContents(lambda: _contents(module, start)),
        even_if_refused=True,
    )


SAMPLES: tuple[BuiltinImage, ...] = (
    _sample(
        "display",
        "the platform's own event-display, as it printed in early 2019",
        (
            "*/eventing-sources*event_display*",
            "*knative-release/event_display*",
            "*knative-release/event-display*",
        ),
        name="event-display-2019-03",
        env={"LAYOUT": "2019-03"},
    ),
    _sample(
        "display",
        "the platform's own event-display, as it printed in late 2019",
        ("*eventing-contrib/cmd/event_display*", "*eventing-contrib-cmd-event_display*"),
        name="event-display-2019-04",
        env={"LAYOUT": "2019-04"},
    ),
    _sample(
        "display",
        "the platform's own event-display, which says hello as the book's does",
        ("*knative-sample/event-display*", "event-display", "*/event-display"),
        name="event-display-hello",
        env={"LAYOUT": "2019-03", "GREETING": "Hello World: "},
    ),
    _sample(
        "display",
        "the platform's own event-display",
        ("*cmd/event_display*", "event_display", "*/event_display", "*event_display-*"),
        name="event-display",
        env={"LAYOUT": "today"},
    ),
    _sample(
        "dumper",
        "the platform's own message-dumper",
        ("*cmd/message_dumper*", "message_dumper", "*/message_dumper", "*message_dumper-*"),
        name="message-dumper",
    ),
    _sample(
        "steps",
        "the platform's own step of Sequences",
        ("*/probable-su*mer*", "*/probable-supper*", "probable-su*mer*"),
        name="sequence-step",
        arguments=("transform",),
    ),
    _sample(
        "steps",
        "the platform's own appender",
        ("*cmd/appender*", "appender", "*/appender", "*appender-*"),
        name="appender",
        arguments=("append",),
    ),
    _sample(
        "switcher",
        "the platform's own switcher, filter and transformer by expressions",
        ("*/switcher-nodejs", "*/filter-nodejs", "*/transformer-nodejs"),
        name="switcher",
    ),
    _sample(
        "heartbeats",
        "the platform's own heartbeats",
        ("*cmd/heartbeats*", "heartbeats", "*/heartbeats", "*heartbeats-*"),
    ),
)
"""First those with narrower names."""
