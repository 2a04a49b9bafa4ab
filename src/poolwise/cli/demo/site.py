"""Starting the demo's web server, and ending it whatever happens."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

from poolwise.cli.demo.chapters import DemoError

# Named, not imported: a module that is run with -m should not be loaded already.
SERVER = "poolwise.cli.demo.server"
# It ends within milliseconds of being told; after this it is killed.
PATIENCE_S = 2.0


@contextlib.contextmanager
def local_site() -> Iterator[str]:
    """Run the web server for as long as the ``with`` block; give its address, such as ``http://127.0.0.1:40123``.

    :raises DemoError: the server did not start.
    """
    server = _start()
    try:
        yield f"http://127.0.0.1:{_port(server)}"
    finally:
        _end(server)


def _start() -> subprocess.Popen[bytes]:
    # It finds the modules that we have found (-P: and none of the same name in the current folder). In a session of its
    # own, Ctrl-C does not reach it: its life hangs on its standard input alone, which closes with our end.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path or os.curdir for path in sys.path)}
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-P", "-m", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )


def _port(server: subprocess.Popen[bytes]) -> int:
    """Read the port, which is the first line; the server ends itself in time, so that this ends as well."""
    line = server.stdout.readline() if server.stdout else b""
    if not line.strip().isdigit():
        raise DemoError(f"the local web server did not start (python -m {SERVER} tells why)")
    return int(line)


def _end(server: subprocess.Popen[bytes]) -> None:
    for pipe in (server.stdin, server.stdout):
        if pipe is not None:
            pipe.close()
    try:
        server.wait(PATIENCE_S)
    except BaseException as error:  # a second Ctrl-C as well: no server is left behind
        server.kill()
        server.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
