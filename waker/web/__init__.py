"""What visitors and operators get over HTTP: the waiting page, forwarding and the wait host; metrics and health."""
