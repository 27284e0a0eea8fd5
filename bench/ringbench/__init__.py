"""What `rings.py` measures with: the systems side by side, the processes they run in, and the table."""
