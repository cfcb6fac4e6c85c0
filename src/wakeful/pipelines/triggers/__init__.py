"""Tekton Triggers without a server: from a request to the objects that it asks for. Pure.

Not for finding what a listener refers to, nor for creating anything.
"""

from wakeful.pipelines.triggers.bindings import BindingError, bind
from wakeful.pipelines.triggers.events import Event, Verdict
from wakeful.pipelines.triggers.templates import TemplateError, fill_template

__all__ = ["BindingError", "Event", "TemplateError", "Verdict", "bind", "fill_template"]
