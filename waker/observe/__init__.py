"""What is known about the cluster, kept up to date by informers. Reads only; decides nothing."""
