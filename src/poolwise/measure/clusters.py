"""Clusters that could do the work: how many seats they have, and how far away they are."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from poolwise.backends import connect, is_connected
from poolwise.errors import PoolwiseError
from poolwise.model.machine import Cluster
from poolwise.model.options import CLUSTERS, ClusterName
from poolwise.model.units import Seconds
from poolwise.work.call import show_error

if TYPE_CHECKING:
    from poolwise.backends.cluster import Connection

logger = logging.getLogger("poolwise")

# What takes less than this in the loop is no work for a cluster: it takes some round trips, of 15 ms each on one
# machine, to begin there, and as many to measure them.
WORTH_A_CLUSTER_S: Seconds = 0.5


def connected_clusters(loop_s: Seconds | None) -> tuple[Cluster, ...]:
    """Measure the clusters that this program is connected to, where the work takes long enough (None: nobody knows)."""
    if loop_s is not None and loop_s < WORTH_A_CLUSTER_S:
        return ()
    found = (_measured(name) for name in CLUSTERS if is_connected(name))
    return tuple(cluster for cluster in found if cluster is not None and cluster.seats)


def _measured(name: ClusterName) -> Cluster | None:
    """Measure a cluster; None where it does not answer: nobody has asked for it, and the work can be done here."""
    try:
        with contextlib.closing(connect(name)) as connection:
            seats = connection.seats()
            # A cluster without a process would have us wait for one.
            return Cluster(name, seats, connection.round_trip_s() if seats else 0.0, connection.here)
    except (PoolwiseError, OSError, TimeoutError) as error:
        logger.debug("the %s cluster is no way: %s", name, show_error(error))
        return None


def named_cluster(name: ClusterName, connection: Connection) -> Cluster:
    """Look at the cluster that was asked for, which need not be compared with anything."""
    return Cluster(name, connection.seats(), 0.0, connection.here)
