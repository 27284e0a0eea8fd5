"""The model libraries: one backend, one file, one library."""
