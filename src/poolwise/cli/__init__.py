"""The command line: parse, call ``api``, print.

A run of it: ``program`` picks the command · ``arguments`` are parsed · ``target`` loads the function · ``source`` (with
``formats``) gives the items · ``map`` runs them · ``output`` writes lines · ``exits`` says how it ended.
Results go to standard output, everything for people to standard error.
"""

from poolwise.cli.program import main

__all__ = ["main"]
