"""The parts of bench/stages.py."""
