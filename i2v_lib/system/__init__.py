"""The ground: processes, signals, progress, and files that are whole or not there."""
