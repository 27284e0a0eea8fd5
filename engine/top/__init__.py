"""`engine top`: a running engine in the terminal, live. `talk` keeps what the door tells, `frame` makes lines of
that and of a snapshot, `screen` puts them into a terminal. Only `screen` knows of terminals."""
