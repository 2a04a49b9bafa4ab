"""The web client: what ``poolwise.fetch`` needs besides the engine, which runs it as any other function."""
