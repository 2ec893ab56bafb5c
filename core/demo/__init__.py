"""The demo: a course with everything in it, made by the same use cases that people use."""
