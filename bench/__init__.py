"""Benchmarks of waker: `python -m bench wake|footprint|visitors|soak` on the test cluster, `scrape` anywhere."""
