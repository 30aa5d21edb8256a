"""What a run would do, from our copies alone."""
