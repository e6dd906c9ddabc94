"""Measurements: `python -m bench wake`, `footprint`, `visitors` and `soak` on the test cluster, `scrape` anywhere."""
