"""Answers every request with its version and its process id."""

import http.server
import os
import socketserver

VERSION = "v1"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{VERSION} {os.getpid()}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(socketserver.TCPServer):
    # The next process binds the port while the last one's connections are still closing.
    allow_reuse_address = True


print("started", VERSION, flush=True)
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
