from __future__ import annotations

import subprocess
import sys


def test_poolwise_does_not_import_its_drop_ins():
    """Who does not switch pays nothing for those who do; and a drop-in imports no library that it stands in for."""
    program = (
        "import sys, poolwise, poolwise.api.pool; "
        "print([name for name in sys.modules if name.startswith('poolwise.compat')]); "
        "import poolwise.compat.multiprocessing, poolwise.compat.futures, poolwise.compat.tqdm; "
        "import poolwise.compat.p_tqdm; "
        "import poolwise.compat.pqdm.processes, poolwise.compat.pqdm.threads; "
        "print({'tqdm', 'p_tqdm', 'pqdm', 'pathos'} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\nset()\n"
