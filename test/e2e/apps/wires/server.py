"""An app that no proxy reaches by HTTP: it speaks uwsgi, FastCGI and gRPC, each at its own port."""

import os
import socketserver
import struct
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RELEASE = os.environ["RELEASE"]


def answer(method, path, by):
    """What is said to a request, whatever it came by; a POST is written down."""
    if method == "POST":
        with open("/data/bookings", "a") as log:
            log.write(f"{path}\n")
    if path.startswith("/slow"):
        time.sleep(2)
    return f"release {RELEASE}, by {by}\n".encode()


class Wire(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            self.talk()
        except (ConnectionError, EOFError):
            pass

    def take(self, size):
        data = self.rfile.read(size)
        if len(data) < size:
            raise EOFError
        return data


class Uwsgi(Wire):
    """One packet of variables, then the body; what comes back is HTTP."""

    def talk(self):
        _, size, _ = struct.unpack("<BHB", self.take(4))
        packet, words = self.take(size), []
        while packet:
            (length,) = struct.unpack_from("<H", packet)
            words.append(packet[2 : 2 + length].decode())
            packet = packet[2 + length :]
        variables = dict(zip(words[::2], words[1::2]))
        self.take(int(variables.get("CONTENT_LENGTH") or 0))
        body = answer(variables["REQUEST_METHOD"], variables["PATH_INFO"], "uwsgi")
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n" + body)


class FastCgi(Wire):
    """Records of variables and of the body, each kind ended by an empty one."""

    BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6

    def talk(self):
        variables, kind, content = b"", self.BEGIN, b"-"
        while kind != self.STDIN or content:
            _, kind, request, size, padding = struct.unpack(">BBHHBx", self.take(8))
            content = self.take(size)
            self.take(padding)
            if kind == self.PARAMS:
                variables += content
        named = self.pairs(variables)
        body = answer(named["REQUEST_METHOD"], named["DOCUMENT_URI"], "FastCGI")
        self.send(self.STDOUT, request, b"Status: 200 OK\r\n\r\n" + body)
        self.send(self.STDOUT, request, b"")
        self.send(self.END, request, bytes(8))

    def pairs(self, data):
        named = {}
        while data:
            name, data = self.length(data)
            value, data = self.length(data)
            named[data[:name].decode()] = data[name : name + value].decode()
            data = data[name + value :]
        return named

    def length(self, data):
        if data[0] < 128:
            return data[0], data[1:]
        return struct.unpack(">I", data[:4])[0] & 0x7FFFFFFF, data[4:]

    def send(self, kind, request, content):
        self.wfile.write(struct.pack(">BBHHBx", 1, kind, request, len(content), 0) + content)


class Grpc(Wire):
    """HTTP/2 without TLS: every stream that ends gets a message of its own and the trailer of success."""

    DATA, HEADERS, SETTINGS, PING = 0, 1, 4, 6
    ACK = END_STREAM = 1
    END_HEADERS = 4

    def talk(self):
        self.take(len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
        self.send(self.SETTINGS, 0, 0, b"")
        while True:
            size, kind, flags, stream = struct.unpack(">3sBBI", self.take(9))
            content = self.take(int.from_bytes(size))
            if kind in (self.SETTINGS, self.PING) and not flags & self.ACK:
                self.send(kind, self.ACK, 0, content if kind == self.PING else b"")
            if kind in (self.DATA, self.HEADERS) and flags & self.END_STREAM:
                self.reply(stream)

    def reply(self, stream):
        body = answer("GET", "/remote/", "gRPC")
        # 0x88 is `:status 200` in the table that both sides know; the others are written out.
        head = b"\x88" + self.header(b"content-type", b"application/grpc")
        self.send(self.HEADERS, self.END_HEADERS, stream, head)
        self.send(self.DATA, 0, stream, struct.pack(">BI", 0, len(body)) + body)
        trailer = self.header(b"grpc-status", b"0")
        self.send(self.HEADERS, self.END_HEADERS | self.END_STREAM, stream, trailer)

    def header(self, name, value):
        return b"\x00%c%s%c%s" % (len(name), name, len(value), value)

    def send(self, kind, flags, stream, content):
        head = len(content).to_bytes(3) + struct.pack(">BBI", kind, flags, stream)
        self.wfile.write(head + content)


class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 128


if sys.argv[1:] == ["check"]:
    urllib.request.urlopen("http://127.0.0.1:8000/", timeout=4)
else:
    for port, wire in (3031, Uwsgi), (9000, FastCgi), (50051, Grpc):
        threading.Thread(target=Server(("", port), wire).serve_forever, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", 8000), Health).serve_forever()
