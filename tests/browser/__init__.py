"""The waiting page in a real browser. Skipped where there is none."""
