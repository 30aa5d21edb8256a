"""What persons choose about what waits: kept, and carried out by runs."""
