"""Why a value stands in a record."""
