"""Says something through a running engine and prints what happens. Needs Python, and nothing else:
python door_client.py /run/antiphon/engine.sock "Welcome to the museum."
"""

import json
import socket
import sys

if len(sys.argv) != 3:
    sys.exit(__doc__)
command = {"command": "say", "id": 1, "text": sys.argv[2]}
door = socket.socket(socket.AF_UNIX)
try:
    door.connect(sys.argv[1])
except OSError as error:
    sys.exit(f"{sys.argv[1]}: {error.strerror or error}")
for line in door.makefile("r", encoding="utf-8"):
    message = json.loads(line)
    if not message.get("ok", True):  # refused: the command, or one client too many
        sys.exit(message["error"]["message"])
    # "hello" is the full state, before everything else; an engine that is starting says when it is ready.
    if command and message.get("event") in ("hello", "state") and message["state"] != "starting":
        door.sendall(json.dumps(command).encode() + b"\n")
        command = None
    if "event" in message:
        print(message["event"], message.get("text") or message.get("state") or "", flush=True)
        if message["event"] in ("answer.ended", "answer.dropped") and message["source"] == "say":
            break
else:
    sys.exit("the engine has ended")
