#!/usr/bin/env bash
# Packages: jupyter_client 8.10.0, pyzmq 27.3.0
#
# One would guess: `KernelManager(context=...)` is where socket options for a kernel's channels go (pyzmq hands a
# context's options to every socket made from it), and `manager.client()`, which gives the client the manager's ports,
# key and configuration, gives it this context as well.
#
# What happens: the client makes a context of its own, so its IOPub socket has ZeroMQ's defaults: no limit on a
# message's size, 1000 messages queued. Only sockets the manager connects itself (`connect_iopub`) carry the options;
# `client(context=manager.context)` has to be said each time.
#
# Why it matters: who grades bounds what a learner's cell may print, so that a loop that prints without end, or an
# array shown whole, does not fill the grader's memory. Set on the manager, the bound holds nothing, without a word.
#
# Seen on 2026-11-28 (no kernel needed, the sockets exist before anything listens):
#   manager.connect_iopub()                MAXMSGSIZE 1000000, RCVHWM 50
#   manager.client()                       MAXMSGSIZE -1, RCVHWM 1000, manager's context: False
#   manager.client(context=its context)    MAXMSGSIZE 1000000, RCVHWM 50, manager's context: True
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q jupyter_client==8.10.0 pyzmq==27.3.0

then=$(sed -n "s/^#   //p" "$0") # the lines above
now=$("$work/venv/bin/python" - "$work/connection.json" <<'END'
import sys

import zmq
from jupyter_client import KernelManager

context = zmq.Context()
context.setsockopt(zmq.MAXMSGSIZE, 1_000_000)
context.setsockopt(zmq.RCVHWM, 50)
manager = KernelManager(context=context, connection_file=sys.argv[1])
manager.write_connection_file()  # chooses ports and a key, as before a kernel's start


def options(socket):
    return f"MAXMSGSIZE {socket.getsockopt(zmq.MAXMSGSIZE)}, RCVHWM {socket.getsockopt(zmq.RCVHWM)}"


print("manager.connect_iopub()               ", options(manager.connect_iopub()))
for title, more in {"client()": {}, "client(context=its context)": {"context": context}}.items():
    client = manager.client(**more)
    print(f"manager.{title:30}", options(client.iopub_channel.socket), end=", ")
    print("manager's context:", client.context is context)
END
)

echo "$now"
diff <(echo "$then") <(echo "$now") || { echo "Changed since 2026-11-28: < then, > now." >&2; exit 1; }
