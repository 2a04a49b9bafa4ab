"""What is done, in SQLite: every result is on disk when it is told, so that a run can be taken up again.

* ``book``: the one open journal of a run; ``opening`` opens it
* ``items``: what names an item; ``identity``, ``code``: what names a function
* ``values``: how results and failures are written and read
* ``store``: the file, its errors in our words; ``schema``: what stands in it, and older versions
* ``safety``: whose file it is; ``lock``: one run at a time
* ``reading``: what people want to know of it, by ``poolwise journal``
"""
