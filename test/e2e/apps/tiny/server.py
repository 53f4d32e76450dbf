"""A web service as small as can be, that can be built to misbehave (BEHAVIOUR)."""

import os
import signal
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RELEASE = os.environ["RELEASE"]
if os.path.exists("/motto"):
    RELEASE += "/" + open("/motto").read().strip()
BEHAVIOUR = os.environ["BEHAVIOUR"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status = 500 if BEHAVIOUR == "unhealthy" else 200
        if self.path.startswith("/slow"):
            time.sleep(2)
        body = f"release {RELEASE}, {os.environ.get('GREETING', 'no greeting')}\n".encode()
        self.send_response(status)
        self.send_header("X-Release", RELEASE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with open("/data/bookings", "a") as log:
            log.write(f"{self.path}\n")
        self.do_GET()

    def log_message(self, *args):
        pass


def call(addresses):
    """Asks other services again and again, and writes down what was not answered."""
    signal.signal(signal.SIGINT, lambda *_: sys.exit())
    while True:
        for address in addresses:
            try:
                said = "answered"
                urllib.request.urlopen(address, timeout=5).read()
            except Exception as error:
                said = f"{address}: {error}"
            with open("/data/calls", "a") as log:
                log.write(f"{said}\n")
        time.sleep(0.05)


def main():
    command = sys.argv[1] if len(sys.argv) > 1 else "serve"
    if command == "check":
        urllib.request.urlopen("http://127.0.0.1:8000/health/", timeout=4)
    elif command == "call":
        call(sys.argv[2:])
    elif command == "migrate":
        print("migrating with", os.environ.get("API_TOKEN", "no token"))
        if BEHAVIOUR == "bad-migration":
            sys.exit("relation 'dives' already exists")
        with open("/data/migrations", "a") as log:
            log.write(f"{RELEASE}\n")
    elif BEHAVIOUR == "crash":
        sys.exit("cannot start: the setting DEPTH is missing")
    else:
        if BEHAVIOUR == "dies":
            threading.Timer(4, lambda: os._exit(3)).start()
        print("serving with", os.environ.get("API_TOKEN", "no token"))
        ThreadingHTTPServer(("", 8000), Handler).serve_forever()


main()
