"""Walks through the running project; a package, so that its conftest has a name of its own."""
