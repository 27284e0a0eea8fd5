"""A partner for a conversation out of facts and tools that an owner writes down: it finds and says, and invents
nothing.

Pure: no clock, no files, no processes. `Partner.decide` is the whole of it.
"""
