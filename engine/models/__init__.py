"""Models on disk: which there are (`manifest.py`), how they come here (`pull.py`, by `engine models pull`: no other
command uses the network) and whether they are still what came (`lock.py`, `disk.py`)."""
