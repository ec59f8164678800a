"""Builds the C library that kills or fails at a chosen I/O call, and tells it what to do."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
from enum import IntEnum
from pathlib import Path

SOURCE = Path(__file__).with_name("io_shim.c")
_PRELOADED = "FAULT_TRIALS_SHIM"


class Mode(IntEnum):
    """What becomes of the chosen call; the numbers are those of the C source."""

    COUNT = 1
    KILL = 2
    FAIL = 3
    SHORT = 4
    FULL = 5
    TORN = 6


class NoCompiler(Exception):
    """There is no C compiler to build the library with."""


def compiler() -> str | None:
    """The C compiler of this machine."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def build(folder: Path) -> Path:
    """Compile the library into `folder`, once for each text of its source.

    Raises:
        NoCompiler: There is none.
    """
    found = compiler()
    if found is None:
        raise NoCompiler(
            "Kills and failures at I/O calls need a C compiler (cc, gcc or clang) and there is none. "
            "Install one, or leave them out with --without-shim: then only kills at random times and at statements run."
        )
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / f"io_shim-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}.so"
    if not library.exists():
        partial = library.with_suffix(f".{os.getpid()}.tmp")
        subprocess.run([found, "-O1", "-shared", "-fPIC", "-o", str(partial), str(SOURCE), "-ldl"], check=True)
        partial.replace(library)
    return library


def is_loaded() -> bool:
    """True when this process was started with the library."""
    return _PRELOADED in os.environ


def restart_with(library: Path, arguments: list[str]) -> None:
    """Start this program anew with the library loaded ahead of the C library; does not return."""
    environment = {**os.environ, "LD_PRELOAD": str(library), _PRELOADED: str(library)}
    os.execve(sys.executable, [sys.executable, "-m", __package__ or "fault_trials", *arguments], environment)


def arm(below: Path, mode: Mode, call: int = 0, error: int = 0, *, reads: bool = False) -> None:
    """From now on calls on files below the folder are counted and the `call`-th goes wrong.

    Args:
        error: The errno of a call that fails.
        reads: Reads count as well.
    """
    _library().arm_faults(str(below).encode(), int(mode), call, error, int(reads))


def disarm() -> None:
    """Nothing goes wrong from now on."""
    _library().disarm_faults()


def kinds() -> str:
    """The kind of every call counted, in order: see the C source."""
    return bytes(_library().fault_kinds()).decode()


def hits() -> int:
    """How many calls have gone wrong."""
    return int(_library().fault_hits())


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(None)
    library.arm_faults.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_long, ctypes.c_int, ctypes.c_int]
    library.fault_kinds.restype = ctypes.c_char_p
    library.fault_hits.restype = ctypes.c_long
    return library
