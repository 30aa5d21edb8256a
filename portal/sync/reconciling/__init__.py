"""Comparing all records of both sides."""
