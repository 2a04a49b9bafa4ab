"""Who is compared: one ``Peer`` for each, with the environment that it is measured in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One way to run a function over items; ``ways/<module>.py`` calls it."""

    name: str
    module: str
    packages: tuple[str, ...] = ()
    """What its environment holds beside NumPy."""
    methods: tuple[str, ...] = ()
    """The start methods that it lets one choose. Where it does, it is measured with the first."""
    chunks: bool = True
    """Whether it has a chunk size to be found by trying."""
    chooses_chunks: frozenset[str] = frozenset()
    """Where its own choice of the chunk size is worth a try, too: "map", "stream". Elsewhere its default is 1."""

    @property
    def environment(self) -> str:
        """The name of the folder under ``.venvs``; what needs nothing but NumPy shares one."""
        return f"bench-{self.module}" if self.packages else "bench-stdlib"


MAP = frozenset({"map"})
CHOICE = ("fork", "forkserver", "spawn")

PEERS: tuple[Peer, ...] = (
    Peer(name="floor", module="floor", methods=("fork",), chunks=False),
    Peer(name="poolwise", module="poolwise", packages=("--editable", "."), methods=CHOICE, chunks=False),
    Peer(name="loop", module="loop", chunks=False),
    Peer(name="mp.Pool", module="pool", methods=CHOICE, chooses_chunks=MAP),
    Peer(name="PPE", module="executor", methods=CHOICE),
    Peer(name="joblib", module="joblib", packages=("joblib",), chooses_chunks=MAP | {"stream"}),
    Peer(name="mpire", module="mpire", packages=("mpire",), methods=CHOICE, chooses_chunks=MAP),
    Peer(name="pebble", module="pebble", packages=("pebble",), methods=CHOICE),
    Peer(name="dask", module="dask", packages=("dask[distributed]",)),
    Peer(name="ray", module="ray", packages=("ray",), chooses_chunks=MAP),
)
BY_NAME = {peer.name: peer for peer in PEERS}
FLOOR, OURS, LOOP = "floor", "poolwise", "loop"
