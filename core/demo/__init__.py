"""The demo: a course with everything in it, made by the same use cases that people use."""

from core.demo.seed import seed

__all__ = ["seed"]
