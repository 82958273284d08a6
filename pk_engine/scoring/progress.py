"""Steps of progress of a job, besides those of reading layers and comparing heads."""

COMPARING = "Comparing groups of layers"
"""The groups that are done."""
RESUMED = "Resuming an interrupted compute"
"""Once, at the beginning: the groups that were done before."""
WAITING = "Waiting for a worker of the cluster"
"""While a cluster has no worker."""
