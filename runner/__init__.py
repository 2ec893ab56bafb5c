"""The local stand-in for a ULOS node: takes messages, runs stages in a sandbox, reports over HTTP."""
