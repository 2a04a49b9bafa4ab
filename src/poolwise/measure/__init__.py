"""Measure: what the work is like (``probe``, ``gil``, ``payload``) and what the computer offers (``machine``)."""
