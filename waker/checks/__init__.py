"""Does this cluster have what waker needs? Each file asks one question; `waker check` and the running service call them."""
