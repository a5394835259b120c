# A Tornado app as a test wants it: GET / and POST / say who answers, /slow takes its time, /ws echoes, /eat holds memory.
import argparse
import asyncio
import os
import sys

import tornado.web
import tornado.websocket

options = argparse.ArgumentParser()
options.add_argument("--port", type=int, required=True)
options.add_argument("--debug", action="store_true")
options.add_argument("--import", dest="imported", default="", help="a module whose change reloads a debug app")
args = options.parse_args()

if args.imported:
    sys.path.insert(0, os.path.dirname(args.imported))
    __import__(os.path.splitext(os.path.basename(args.imported))[0])

held = []


class Main(tornado.web.RequestHandler):
    def get(self):
        self.write(f"{args.port} {os.getpid()}")

    def post(self):
        self.write(self.request.body)


class Slow(tornado.web.RequestHandler):
    async def get(self):
        await asyncio.sleep(float(self.get_argument("seconds")))
        self.write(f"{args.port} {os.getpid()}")


class Eat(tornado.web.RequestHandler):
    def get(self):
        held.append(b"x" * (int(self.get_argument("mb")) << 20))
        self.write(f"{args.port} {os.getpid()}")


class Echo(tornado.websocket.WebSocketHandler):
    def on_message(self, message):
        self.write_message(f"{args.port} {message}")


async def main():
    routes = [("/", Main), ("/slow", Slow), ("/eat", Eat), ("/ws", Echo)]
    tornado.web.Application(routes, debug=args.debug).listen(args.port, "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
