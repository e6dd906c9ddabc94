"""Measurements: `python -m bench wake` and `footprint` on the test cluster, `scrape` anywhere. Tables, no thresholds."""
