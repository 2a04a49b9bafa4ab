"""One call of a case in a fresh program: prints the seconds from the call to its result."""

from __future__ import annotations

import sys
import time

import joblib

import poolwise.joblib  # noqa: F401 - registers the backend
from benchmarks.joblib.cases import COLD

if __name__ == "__main__":
    case = COLD[sys.argv[1]]()
    with joblib.parallel_config(sys.argv[2], n_jobs=2):
        begun = time.perf_counter()
        case()
        print(time.perf_counter() - begun)
