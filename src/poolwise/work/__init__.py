"""Calling a function on items: one call, a chunk of calls, and where the items come from.

Everything that runs a user's function, in this process or in a worker, does it through this room.
"""
