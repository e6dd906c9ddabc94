"""Settings: what a process needs (`flags`), and what may change while it runs (`live`; for one ingress class, `classes`)."""
