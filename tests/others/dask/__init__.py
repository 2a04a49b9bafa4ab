"""A real Dask cluster: a scheduler and two workers, started by their command lines, and a LocalCluster."""
