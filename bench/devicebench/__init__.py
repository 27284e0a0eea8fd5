"""The parts of bench/devices.py."""
