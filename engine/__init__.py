"""The conductor: command line, configuration, supervisor, turns and telemetry. No audio passes through it."""

NAME = "antiphon"
"""The project's one name: distribution, segments in /dev/shm, environment variables, metrics, service unit."""
