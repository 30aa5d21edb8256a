"""Vtiger, simulated: see `vendor`."""
