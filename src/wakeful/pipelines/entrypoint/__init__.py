"""What a Pod of a TaskRun says to whoever carries out its steps, and what it hears back.

A step is a container whose command is Tekton's entrypoint program; its arguments say what to wait
for, what to run and what to leave behind. On Kubernetes that program is there and does it. Our node
agent reads the same arguments and does the same itself, so an image needs nothing of ours inside.
The Pod builder writes with this package what the agent reads with it. Pure.
"""

from wakeful.pipelines.entrypoint.arguments import ArgumentsError, StepArguments
from wakeful.pipelines.entrypoint.layout import (
    CANCEL_ANNOTATION,
    CANCELLED,
    ENTRYPOINT,
    READY,
    READY_ANNOTATION,
    PodLayout,
    StepPlace,
)
from wakeful.pipelines.entrypoint.messages import (
    MESSAGE_LIMIT_BYTES,
    MessageTooLongError,
    ResultKind,
    RunResult,
    parse_message,
    render_message,
)
from wakeful.pipelines.entrypoint.scripts import ScriptFile, parse_scripts, render_scripts
from wakeful.pipelines.entrypoint.stepresults import (
    StepResultError,
    StepResults,
    substitute,
    substitute_artifacts,
    substitute_words,
)

__all__ = [
    "CANCELLED",
    "CANCEL_ANNOTATION",
    "ENTRYPOINT",
    "MESSAGE_LIMIT_BYTES",
    "READY",
    "READY_ANNOTATION",
    "ArgumentsError",
    "MessageTooLongError",
    "PodLayout",
    "ResultKind",
    "RunResult",
    "ScriptFile",
    "StepArguments",
    "StepPlace",
    "StepResultError",
    "StepResults",
    "parse_message",
    "parse_scripts",
    "render_message",
    "render_scripts",
    "substitute",
    "substitute_artifacts",
    "substitute_words",
]
