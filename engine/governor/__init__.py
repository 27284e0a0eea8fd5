"""The governor: which rung of its ladder each stage works on. `policy` decides, `driver` carries it out."""
