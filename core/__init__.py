"""The ULOS core: use cases, rows, files and queue. No screen and no HTTP in here."""
