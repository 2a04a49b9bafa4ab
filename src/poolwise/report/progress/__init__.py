"""Progress: where it can be shown, what a line says, and the one screen that all runs of a process share."""
