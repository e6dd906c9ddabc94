"""Measurements on the test cluster: `python -m bench wake` and `python -m bench footprint`. Tables, no thresholds."""
