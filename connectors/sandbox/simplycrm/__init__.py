"""Simply CRM, simulated: see `vendor`."""
