"""The names of the ways that are not tuned by hand, and the packages that they need."""

from __future__ import annotations

OURS = "poolwise"
PEERS = ("ThreadPoolExecutor", "ProcessPoolExecutor", "joblib", "mpire", "dask")
USUAL_PEERS = PEERS[:3]
# Beside Poolwise itself: what the cases import, and the peers.
PACKAGES = ("pandas", "pillow", "scikit-learn", "joblib", "mpire", "dask[distributed]")
