"""Report: the only room that makes prose, tables and progress lines of the values."""
