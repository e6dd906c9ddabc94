"""Random visits and random faults for as long as you like, judged by what the visitors themselves got."""
