"""Poolwise together with others: each test uses the real other party, of the version that constraints/dev.txt names."""
