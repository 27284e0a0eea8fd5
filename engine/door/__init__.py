"""The host program's way in: a Unix socket that tells every event and takes commands (docs/door.md).

`place` is the socket, `server` the clients behind it, `connection` one of them; `commands` are what they may ask,
`orders` what of it is on its way to a worker. `client` is the other end.
"""
