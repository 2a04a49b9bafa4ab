"""Pages: values in, one self-contained file out. No script, no link, no network; it reads from disk and in a mail."""
