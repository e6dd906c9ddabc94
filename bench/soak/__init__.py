"""Random visits and random faults for as long as wanted, judged by what the visitors themselves saw."""
