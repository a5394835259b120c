"""The Tornado app of the programs sweep, the classic text's hello: python3 tornado_app.py PORT"""
import asyncio
import sys

import tornado.web


class MainHandler(tornado.web.RequestHandler):
    def get(self):
        self.write("Hello " + sys.argv[1])


async def main():
    tornado.web.Application([(r"/", MainHandler)]).listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
