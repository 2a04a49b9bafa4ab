"""Runs are killed at random moments and taken up again: nothing is lost, and only what was under way runs twice."""
