"""What commands share: errors of the user's as one line, and output on a stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from dctheory._arguments import UsageError


@contextmanager
def usage_errors(*kinds: type[Exception]) -> Iterator[None]:
    """Errors of these kinds are the user's to mend: one line and exit code 2."""
    try:
        yield
    except kinds as error:
        message = str(error)
        if isinstance(error, OSError) and error.strerror:
            message = error.strerror + (f": {error.filename}" if error.filename else "")
        raise UsageError(message or type(error).__name__) from error


def write(text: str, stream: TextIO) -> None:
    """The text and an end of line."""
    stream.write(f"{text}\n")
