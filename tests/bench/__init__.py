"""The benches' own judgement."""
