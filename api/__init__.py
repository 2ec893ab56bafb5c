"""The companion endpoint: the use cases over HTTP, and the orchestrator's callbacks."""
