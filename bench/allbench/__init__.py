"""The parts of bench/headline.py and bench/compare.py."""
