"""The screen of assignments: the list, the form, extensions, and the rules in words for students."""
