"""Really Simple Systems, simulated: see `vendor`."""
