"""What goes wrong becomes one line on stderr and an exit code, in this one place."""

from __future__ import annotations

import errno
import io
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import typer

from wellfit.atomic import FULL, reason
from wellfit.errors import WellfitError

BAD_INPUT, INTERRUPTED, FAILED = 2, 130, 1
NO_MEMORY = "the memory is full; expected less data at a time (data.limit), or images that stay on the disk (--memory)"
INTERRUPTED_LINE = "interrupted; the same command goes on from what is done"


def guarded(work: Callable[[], Any]) -> int:
    """Do ``work`` and return the process's exit code: an int that it returns, else 0.

    WellfitError and bad usage are one line; SIGTERM is taken for Ctrl-C; a reader of stdout that goes away is no error
    worth words. Any other exception is a bug: it is let through, with its traceback.
    """
    _take_any_character()
    with _terminable(), _logged():
        try:
            code = work()
            sys.stdout.flush()
        except WellfitError as error:
            return _say(str(error), error.exit_code)
        except typer.TyperException as error:
            return _say(_usage(error), BAD_INPUT)
        except (KeyboardInterrupt, typer.Abort):
            code = INTERRUPTED
        except SystemExit as error:  # typer's own answer to a broken pipe
            code = error.code
        except OSError as error:
            if _interrupted.is_set():
                code = INTERRUPTED
            elif error.errno == errno.EPIPE or error.errno in FULL:
                return _unwritten(error)
            else:
                raise
        except MemoryError:
            return _say(NO_MEMORY, FAILED)
        except Exception as error:
            if "can't allocate memory" in str(error):  # torch's own error
                return _say(NO_MEMORY, FAILED)
            if not _interrupted.is_set():
                raise
            code = INTERRUPTED  # a library made another error of it
        if code == INTERRUPTED:
            return _say(INTERRUPTED_LINE, INTERRUPTED)
        return code if isinstance(code, int) else 0


def _take_any_character() -> None:
    """Let stdout and stderr show ``?`` for what their encoding lacks (a ``±`` in ASCII), instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _usage(error: typer.TyperException) -> str:
    """Return a usage error as one line that names the command whose help says more."""
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    return f"{message} (see '{context.command_path} --help')" if context is not None else message


def _say(line: str, code: int) -> int:
    """Print the one line, whatever stderr can still take, and return the code."""
    with suppress(OSError, ValueError):
        print(f"wellfit: {line}", file=sys.stderr, flush=True)
    return code


def _unwritten(error: OSError) -> int:
    """Give stdout up: nothing more can be written there, and Python must not try to while it exits."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    if error.errno == errno.EPIPE:
        return FAILED
    return _say(f"{error.filename or 'stdout'}: {reason(error)}", FAILED)


@contextmanager
def _terminable() -> Iterator[None]:
    """Take SIGTERM for Ctrl-C: a study ends in order and can be resumed. Either is remembered."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _interrupted.clear()
    _at_work.clear()
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_interrupted = threading.Event()
_at_work = threading.Event()


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt; but leave at once where an import would make something else of it.

    Before the work begins nothing is open or half-written, and an exception in the middle of importing torch comes out
    as any error, or not at all.
    """
    if not _at_work.is_set() and _importing(frame):
        _say(INTERRUPTED_LINE, INTERRUPTED)
        os._exit(INTERRUPTED)
    _interrupted.set()
    raise KeyboardInterrupt


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def begin_work() -> None:
    """Say that from here on an interrupt ends the work in order; raise one that a library swallowed before."""
    _at_work.set()
    if _interrupted.is_set():
        raise KeyboardInterrupt


@contextmanager
def _logged() -> Iterator[None]:
    """Show warnings of wellfit's own modules on stderr like the other lines."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("wellfit: %(message)s"))
    logger = logging.getLogger("wellfit")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
