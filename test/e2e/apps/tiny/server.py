"""A web service as small as can be, that can be built to misbehave (BEHAVIOUR)."""

import base64
import hashlib
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
        if self.path.startswith("/socket"):
            return self.echo()
        if self.path.startswith("/trickle"):
            return self.trickle()
        status = self.status()
        if self.path.startswith("/slow"):
            time.sleep(2)
        body = f"release {RELEASE}, {os.environ.get('GREETING', 'no greeting')}\n".encode()
        self.send_response(status)
        self.send_header("X-Release", RELEASE)
        self.send_header("X-Received", str(getattr(self, "received", 0)))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def status(self):
        if BEHAVIOUR == "unhealthy":
            return 500
        if BEHAVIOUR == "errors" and self.path != "/health/":
            return 500
        if BEHAVIOUR == "errors-inside" and self.path not in ("/", "/health/"):
            return 500
        if BEHAVIOUR == "wrong-hosts" and self.headers["Host"] != "127.0.0.1:8000":
            return 400
        return 200

    def trickle(self):
        """Takes 8 s to send 80,000 bytes."""
        self.send_response(200)
        self.send_header("X-Release", RELEASE)
        self.send_header("Content-Length", "80000")
        self.end_headers()
        for _ in range(80):
            self.wfile.write(b"." * 1000)
            time.sleep(0.1)

    def echo(self):
        """A websocket that says its release after each short text."""
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.send_header("Sec-WebSocket-Accept", accept)
        self.end_headers()
        self.close_connection = True
        while head := self.rfile.read(2):
            mask = self.rfile.read(4)
            masked = self.rfile.read(head[1] & 127)
            text = bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))
            said = text + f", release {RELEASE}".encode()
            self.wfile.write(bytes([0x81, len(said)]) + said)

    def do_POST(self):
        self.received = len(self.rfile.read(int(self.headers.get("Content-Length", 0))))
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


class Server(ThreadingHTTPServer):
    # Five connections wait by default, and more come at once when a proxy makes its own anew.
    request_queue_size = 128


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
    elif command == "collect":
        with open(f"/static/app-{RELEASE}.css", "w") as sheet:
            sheet.write(f"/* release {RELEASE} */\n")
    elif BEHAVIOUR == "crash":
        sys.exit("cannot start: the setting DEPTH is missing")
    else:
        if BEHAVIOUR == "dies":
            threading.Timer(4, lambda: os._exit(3)).start()
        time.sleep(float(os.environ.get("BOOT_SECONDS", "0")))
        print("serving with", os.environ.get("API_TOKEN", "no token"))
        Server(("", 8000), Handler).serve_forever()


main()
