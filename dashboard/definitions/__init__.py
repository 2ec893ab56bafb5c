"""The screen of task definitions: the list, and the steps in which one is written."""
