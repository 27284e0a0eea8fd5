"""Says something through a running engine and prints what happens. Needs Python, and nothing else.

python door_client.py /run/antiphon/engine.sock "Welcome to the museum."
"""

import json
import socket
import sys

path, text = sys.argv[1], sys.argv[2]

door = socket.socket(socket.AF_UNIX)
door.connect(path)
lines = door.makefile("r", encoding="utf-8")

hello = json.loads(next(lines))  # the full state, once, before everything else
print("the engine is", hello["state"])

command = {"command": "say", "id": 1, "text": text}
door.sendall(json.dumps(command).encode() + b"\n")

for line in lines:
    message = json.loads(line)
    if "reply" in message and not message["ok"]:
        sys.exit(message["error"]["message"])
    elif "event" in message:
        print(message["event"], message.get("text") or message.get("state") or "")
        if message["event"] == "answer.ended" and message["source"] == "say":
            break
