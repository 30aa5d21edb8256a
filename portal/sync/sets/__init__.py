"""Sync sets: several mappings run as one."""
