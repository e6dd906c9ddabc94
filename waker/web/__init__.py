"""What visitors and operators see over HTTP: the public port, the waiting page, passing on, the private port."""
