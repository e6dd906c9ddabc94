"""How much of the ideal sleep is reached, and whether anybody was taken for idle: simulated days, no cluster."""
