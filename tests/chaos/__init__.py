"""Seeded rounds of faults against the whole installation, and a recount of everything afterwards."""
