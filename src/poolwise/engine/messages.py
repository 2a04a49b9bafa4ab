"""What parent and worker say to each other.

Messages are plain tuples whose first element names them; a parcel (``work/packing.py``) has its body behind it.

The parent says:

* ``("chunk", id, call, start, stop, place, marked, parcel, free)``: run this. Where ``parcel`` is None, you have the
  items. ``call`` is the function's number, ``place`` where the first item stands in all that this worker was ever sent.
* ``("call", number, function)``: a function that chunks and tasks name by its number; None: forget it.
* ``("tasks", count)``: run so many items of the chunks that follow at a time.
* ``("retire",)``: say that you retire, and end; what was sent behind this goes to another.
* ``("stop",)``: end.

The worker says:

* ``("ready",)``: I can take chunks.
* ``("failed", error)``: I can never take chunks.
* ``("done", id, more, cut, times, parcel, errors, free)``: this came of it. ``more``: these are the first values of the
  chunk, and the others follow; ``cut``: the others are left to somebody else. ``times``: seconds of the whole and of
  its CPU, the moment at which it had ended, and the seconds of each item (``Outcome.each_s``).
* ``("said", kind, what)``: printed, logged, warned of.
* ``("retired",)``: I have grown too large, or was told to, and end.

``free`` are the places in the arena that the sender needs no more.
"""

from __future__ import annotations

import struct

# The nursery's replies: b"P", a process number and that of the request; or b"X", a process number and its exit code.
NURSERY_REPLY = struct.Struct("<cqq")
