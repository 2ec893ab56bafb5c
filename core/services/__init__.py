"""Use cases, a module per noun. Each takes the context and the actor, checks, then acts."""
