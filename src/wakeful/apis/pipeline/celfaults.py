"""What goes wrong inside the library for CEL, told as an error of ours.

The library is imported where an expression is read, not with our modules: its package loads a
whole interactive command line, nine megabytes that the idle platform can do without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def cel_faults(make: Callable[[str], Exception]) -> Iterator[None]:
    """Raise ``make(text)`` for whatever the library raises; its panics are no ``Exception``."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as err:
        raise make(str(err) or type(err).__name__) from err
