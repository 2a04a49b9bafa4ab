"""The names of other libraries, on top of Poolwise: to switch, write ``poolwise.compat.`` before the library's name.

``multiprocessing`` (Pool, ThreadPool), ``futures`` (ProcessPoolExecutor, ThreadPoolExecutor), ``tqdm`` (process_map,
thread_map), ``p_tqdm`` and ``pqdm``. What one does not take, it refuses by name; docs/compat tells what differs.

No other room imports this one, and it imports none of those libraries but tqdm, for its bar, where that is installed.
"""
