"""Accounts, courses and administration on the screen: the parts of their pages that are larger."""
