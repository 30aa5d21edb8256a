"""Which records may be one: found before the first run, and a person's word on it."""
