"""Decide: pure functions from what was measured to a Plan with its reasons. No clock, no operating system."""
