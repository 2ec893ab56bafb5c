"""The frame of the dashboard: who am I, which pages, how things look."""
