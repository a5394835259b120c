"""The Tornado demo app, one process per port: python3 tornado_app.py --port=8001

/           says which process answered
/whoami     what the app knows of the client: with xheaders=True its address and protocol, not the balancer's
/longpoll   answers after ?seconds=30
/chatsocket WebSocket: every message goes to all who are connected to this process
/updates    the same by long poll: answers with the next message, or with an empty list after 50 seconds
"""
import asyncio
import json
import signal

import tornado.httpserver
import tornado.options
import tornado.web
import tornado.websocket
from tornado.options import define, options

define("port", default=8001, help="run on the given port", type=int)


class MainHandler(tornado.web.RequestHandler):
    def get(self):
        self.write("Hello " + str(options.port))


class WhoAmIHandler(tornado.web.RequestHandler):
    def get(self):
        request = self.request
        self.write(
            {
                "port": options.port,
                "remote_ip": request.remote_ip,
                "protocol": request.protocol,
                "host": request.host,
            }
        )


class LongPollHandler(tornado.web.RequestHandler):
    async def get(self):
        seconds = min(60.0, float(self.get_argument("seconds", "30")))
        await asyncio.sleep(seconds)
        self.write("Hello %d after %g s" % (options.port, seconds))


class Room:
    """Who is connected to this process, and who waits for its next message."""

    def __init__(self):
        self.sockets = set()
        self.waiters = set()

    def say(self, message):
        for socket in self.sockets:
            socket.write_message(message)
        for waiter in self.waiters:
            if not waiter.done():
                waiter.set_result(message)


room = Room()


class ChatSocketHandler(tornado.websocket.WebSocketHandler):
    def open(self):
        room.sockets.add(self)

    def on_close(self):
        room.sockets.discard(self)

    def on_message(self, message):
        room.say(message)


class UpdatesHandler(tornado.web.RequestHandler):
    async def get(self):
        self.waiter = asyncio.get_running_loop().create_future()
        room.waiters.add(self.waiter)
        try:
            messages = [await asyncio.wait_for(self.waiter, 50)]
        except asyncio.TimeoutError:
            messages = []
        except asyncio.CancelledError:
            return  # the client left
        finally:
            room.waiters.discard(self.waiter)
        self.set_header("Content-Type", "application/json")
        self.write(json.dumps({"messages": messages}))

    def on_connection_close(self):
        if hasattr(self, "waiter"):
            self.waiter.cancel()


application = tornado.web.Application(
    [
        (r"/", MainHandler),
        (r"/whoami", WhoAmIHandler),
        (r"/longpoll", LongPollHandler),
        (r"/chatsocket", ChatSocketHandler),
        (r"/updates", UpdatesHandler),
    ]
)


async def main():
    tornado.options.parse_command_line()
    # xheaders: the client's address and protocol are what X-Real-IP and X-Scheme of the balancer in front say.
    server = tornado.httpserver.HTTPServer(application, xheaders=True)
    server.listen(options.port, "127.0.0.1")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
