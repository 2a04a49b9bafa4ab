"""joblib over Poolwise: ``import poolwise.joblib``, then ``joblib.parallel_config("poolwise")``.

>>> import joblib
>>> import poolwise.joblib
>>> with joblib.parallel_config("poolwise", n_jobs=2):
...     joblib.Parallel()(joblib.delayed(abs)(number) for number in (-1, 2))
[1, 2]

Everything that runs over joblib then runs over this engine, scikit-learn's ``n_jobs`` included. docs/joblib.md tells
what is different from loky, joblib's own.

``backend`` is what joblib calls, ``crews`` keeps workers warm between calls, ``batch`` packs what they are sent, and
``shared`` has each large array copied once, however many tasks take it.
"""

from poolwise.errors import MissingExtraError

try:
    from poolwise.joblib.backend import PoolwiseBackend, register
    from poolwise.joblib.crews import end_idle_workers
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "joblib":
        raise
    raise MissingExtraError("poolwise.joblib needs joblib: pip install 'poolwise[joblib]' brings it") from error

__all__ = ["PoolwiseBackend", "end_idle_workers", "register"]

register()
