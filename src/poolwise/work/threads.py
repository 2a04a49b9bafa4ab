"""Threads that native libraries have started in this process: how many, whose, and whether they survive a fork.

A forked child has only the thread that forked. Whether a library can do without its others is known of few:

* **OpenBLAS with threads of its own** can. A handler of its own (``pthread_atfork``) ends its threads before a fork, in
  the parent, and the next call starts them anew, in parent and child alike (OpenMathLib/OpenBLAS, pull request 343).
  Tried with the Linux wheels of 0.3.27 to 0.3.34, right after a call (its threads then spin for 0.1 s) and later.
* **GNU OpenMP** that has been used cannot: its next parallel region in the child waits for ever (gcc bugs 58378 and
  60035; scikit-learn issue 23823). OpenBLAS and MKL built upon it inherit that.
* **LLVM's and Intel's OpenMP** start anew in the child, by a handler, unless ``KMP_INIT_AT_FORK`` says otherwise.
  Intel's 2026.2 survived a trial; in others that handler itself crashed (ContinuumIO/anaconda-issues 11294) or hung
  (apache/mxnet issue 12710). They do not tell their version, so they are not trusted.
* Of **any other thread** nothing is known.

A runtime that is loaded and has no threads has nothing to lose in a fork.

Threads bear no mark of who has started them, but OpenBLAS can be asked how many it has. Where these are all that there
are, nobody else has any. Rejected: the address that a thread waits at (``/proc/self/task/*/syscall``), which lies
within OpenBLAS's own memory: a thread that spins, as they do after each call, shows none.
"""

from __future__ import annotations

import functools
import os
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from poolwise.model.classes import frozen
from poolwise.model.machine import NativePool, unexplained
from poolwise.model.units import Seconds

if TYPE_CHECKING:
    import ctypes

TASKS = "/proc/self/task"
# Threads of ours that end before any fork, by a handler of their own (``measure/gil_meter.py``): as if they were not.
gone_at_fork: set[int] = set()
# A thread that was told to end is gone well within this.
DYING_S: Seconds = 0.003

# How threadpoolctl names the files of OpenMP runtimes, and how people do.
OPENMP_NAMES = {"libgomp": "GNU OpenMP", "libomp": "LLVM OpenMP", "libiomp": "Intel OpenMP"}
# NumPy's and SciPy's wheels bring this build; others do not carry its patches.
WHEELS = "libscipy_openblas"
# Forked children hang in dgetrf (LU decomposition): OpenMathLib/OpenBLAS issues 5341 and 5520, mended by pull request
# 5556. The wheels of this version survived a trial.
HANGS_AFTER_FORK = "0.3.30"
# Builds for SciPy, and those with 64-bit integers, add to the names of functions.
AFFIXES = [(prefix, suffix) for prefix in ("", "scipy_") for suffix in ("", "64_", "_64")]


def native_threads(ours: int = 0) -> tuple[int, tuple[NativePool, ...]]:
    """Count the operating system's threads of this process that Python does not know of, and say whose they are.

    So many of them are ``ours``, and are not counted.

    The first look at libraries takes some 10 ms (threadpoolctl has to be imported), later ones 0.05 ms.
    """
    if not (count := _settled(ours)):
        return 0, ()
    pools, waking = _pools(waking=False)
    if unexplained(count, pools) and waking:
        pools, _ = _pools(waking=True)
        count = _surplus() - ours
    missing = unexplained(count, pools)
    if missing < 0:
        # More threads are claimed than there are: what else is claimed cannot be believed either.
        return count, ()
    if missing and (runtimes := _libraries().openmp):
        # Only they are known to start threads that stay; which of them did cannot be told.
        pools = (*pools, NativePool(" or ".join(runtimes), missing, survives_fork=False))
    return count, pools


# --- Counting ------------------------------------------------------------------------------------------------


def _settled(ours: int) -> int:
    """Count once threads that are ending have ended: that takes the system some moments more than Python."""
    deadline = time.monotonic() + DYING_S
    while (surplus := _surplus() - ours) > _known_size() and time.monotonic() < deadline:
        time.sleep(DYING_S / 10)
    return max(0, surplus)


def _surplus() -> int:
    return _tasks() - threading.active_count() - len(gone_at_fork)


def _tasks() -> int:
    try:
        return len(os.listdir(TASKS))  # noqa: PTH208 - a third of iterdir's time, and every map asks
    except OSError:
        return 0


def _known_size() -> int:
    """Say how many threads the libraries that are known already have."""
    return sum(each.size() for each in _found.blas) if _found is not None else 0


def _pools(*, waking: bool) -> tuple[tuple[NativePool, ...], bool]:
    """Ask each OpenBLAS for its threads; say whether some would have to be woken to be sure of the answer."""
    blas, sizes = _libraries().blas, Counter[tuple[str, bool]]()
    for each in blas:
        if each.is_sure or waking:
            sizes[each.name, each.survives] += each.size(waking=waking)
    pools = tuple(NativePool(name, size, survives_fork=survives) for (name, survives), size in sizes.items() if size)
    return pools, not all(each.is_sure for each in blas)


# --- Libraries -----------------------------------------------------------------------------------------------


@frozen
class OpenBlas:
    """An OpenBLAS that starts threads of its own."""

    name: str
    survives: bool
    _size: Callable[[], int]
    """Gives the number of its threads, the caller's included; 0 where it shows that none run."""
    _wake: Callable[[], object] | None = None
    """Makes sure that they run; None where it shows whether they do.

    It sets their number to what it is, which starts no more of them than the library's next call would.
    """

    @property
    def is_sure(self) -> bool:
        """Its number counts threads that run; those of another may have ended in a fork."""
        return self._wake is None

    def size(self, *, waking: bool = False) -> int:
        """Say how many threads it has."""
        if waking and self._wake is not None:
            self._wake()
        return max(0, self._size() - 1)


@frozen
class Libraries:
    """What is loaded that may start threads."""

    loaded: int
    """Libraries of any kind that were ever loaded: as long as it stays the same, there is nothing new to find."""
    blas: tuple[OpenBlas, ...]
    openmp: tuple[str, ...]


_found: Libraries | None = None
_asking = threading.Lock()
if hasattr(os, "register_at_fork"):
    # Another thread may have it while this one forks.
    os.register_at_fork(after_in_child=lambda: globals().update(_asking=threading.Lock()))


def _libraries() -> Libraries:
    global _found  # noqa: PLW0603 - a cache of what the dynamic linker says
    # Read once, since another thread may be finding out, too.
    found, loaded = _found, _linker()()
    if found is None or found.loaded != loaded:
        told = _tell()
        openmp = (OPENMP_NAMES.get(each["prefix"], "OpenMP") for each in told if each["user_api"] == "openmp")
        found = Libraries(loaded, tuple(filter(None, map(_open_blas, told))), tuple(dict.fromkeys(openmp)))
        _found = found
    return found


def _tell() -> list[dict[str, Any]]:
    """List the libraries with threads, as threadpoolctl does."""
    import threadpoolctl  # noqa: PLC0415 - 5 to 20 ms, and only needed where there are native threads

    # The filters are the process's. Of two threads that took them at once and gave them back out of turn, the second
    # would leave those behind that the first had set: no warning would be shown any more.
    with _asking, warnings.catch_warnings():
        # It warns of mixed OpenMP runtimes, which is nothing that the caller of a map has asked for.
        warnings.simplefilter("ignore")
        try:
            told: list[dict[str, Any]] = threadpoolctl.threadpool_info()
        except Exception:  # noqa: BLE001 - it goes through the files of foreign libraries; what fails there is not known
            return []
    return told


def _open_blas(told: dict[str, Any]) -> OpenBlas | None:
    """Find out how to ask an OpenBLAS for its threads; None for other libraries, and where it cannot be asked."""
    if told["internal_api"] != "openblas" or told.get("threading_layer") != "pthreads":
        return None
    import ctypes  # noqa: PLC0415 - 2 ms

    try:
        library = ctypes.CDLL(told["filepath"], mode=os.RTLD_NOLOAD)
    except OSError:
        # Its file was moved or replaced since it was loaded.
        return None
    version = str(told.get("version") or "")
    trusted = told["prefix"] == WHEELS or not version.startswith(HANGS_AFTER_FORK)
    name = "OpenBLAS" if trusted else f"OpenBLAS {version}"
    # Up to 0.3.33 it exports its variables: how many threads it has, the caller's included, and whether they run.
    size, runs = _variable(library, "blas_num_threads"), _variable(library, "blas_server_avail")
    if size is not None and runs is not None:
        return OpenBlas(name, trusted, lambda: size.value if runs.value else 0)
    # Later ones give the number that it may use: less than it has where somebody has limited it, never more. Setting
    # that starts threads where none run (OpenMathLib/OpenBLAS, pull request 1837).
    get, put = _function(library, "openblas_get_num_threads"), _function(library, "openblas_set_num_threads")
    return OpenBlas(name, trusted, get, lambda: put(get())) if get is not None and put is not None else None


def _variable(library: ctypes.CDLL, name: str) -> ctypes.c_int | None:
    import ctypes  # noqa: PLC0415 - 2 ms

    try:
        return ctypes.c_int.in_dll(library, name)
    except ValueError:
        return None


def _function(library: ctypes.CDLL, name: str) -> Callable[..., int] | None:
    found = (getattr(library, f"{prefix}{name}{suffix}", None) for prefix, suffix in AFFIXES)
    return next(filter(None, found), None)


@functools.cache
def _linker() -> Callable[[], int]:
    """Make what says how many libraries were ever loaded; it takes 4 µs, where listing them takes a millisecond."""
    import ctypes  # noqa: PLC0415 - 2 ms

    class Info(ctypes.Structure):
        """The struct ``dl_phdr_info`` of link.h."""

        _fields_ = (
            ("addr", ctypes.c_void_p),
            ("name", ctypes.c_char_p),
            ("headers", ctypes.c_void_p),
            ("header_count", ctypes.c_uint16),
            ("adds", ctypes.c_ulonglong),
        )

    counts: list[int] = []

    def look_at_first(info: Any, _size: int, _data: object) -> int:  # noqa: ANN401 - a pointer; ctypes gives it no type
        counts[:] = [info.contents.adds]
        return 1

    program = ctypes.CDLL(None)
    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Info), ctypes.c_size_t, ctypes.c_void_p)(look_at_first)

    def loaded() -> int:
        program.dl_iterate_phdr(callback, None)
        return counts[0]

    return loaded
