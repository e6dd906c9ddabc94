"""The subcommands of `waker`, one a file. They talk to the API server with the caller's own kubeconfig."""
