"""What keeps most apps awake, first: the rows of `waker status` grouped by what stands in the way. Pure."""
