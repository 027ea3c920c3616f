"""usage: proxy.py FILE

A link between a client and a broker that can be made bad. Listens on two free ports of 127.0.0.1 and
writes them to FILE: the first is the link, the second takes one command a connection and answers when
it is done. Ends when its parent does.

target HOST PORT   where the link leads
pass               be a good link again
cut                close all connections now
flap SECONDS       do so again and again
hole               let nothing through, and close nothing
swallow up|down    take the bytes of this direction and throw them away
deaf API           do so downwards from the next request with this number on: it arrives, no answer does
mute API           upwards from there on: it never arrives
delay SECONDS      hold every piece back so long
rate BYTES         let so many through in a second, in each direction
count              how many connections were cut, how many bytes swallowed or held
"""

import asyncio
import os
import sys


class Link:
    def __init__(self):
        self.target = None
        self.open = set()
        self.flapping = None
        self.cuts = self.hit = 0
        self.be_good()

    def be_good(self):
        self.swallow, self.delay, self.rate = None, 0.0, 0
        self.trap = None
        self.passing = asyncio.Event()
        self.passing.set()
        if self.flapping:
            self.flapping.cancel()
        self.flapping = None

    def cut(self):
        for writer in self.open:
            writer.transport.abort()
        self.cuts += len(self.open) // 2
        self.open.clear()

    async def flap(self, seconds):
        while True:
            await asyncio.sleep(seconds)
            self.cut()

    def spring(self, api):
        if self.trap and self.trap[1] == api:
            self.swallow, self.trap = "down" if self.trap[0] == "deaf" else "up", None

    async def requests(self, reader):
        """Pieces of them, each with the number of what is asked when it begins one."""
        while len(head := await reader.read(1)):
            head += await reader.readexactly(5)
            left = int.from_bytes(head[:4], "big") - 2
            api = int.from_bytes(head[4:], "big")
            while left and (data := await reader.read(min(left, 65536))):
                left -= len(data)
                yield head + data, api
                head, api = b"", None

    async def answers(self, reader):
        while data := await reader.read(65536):
            yield data, None

    async def pump(self, reader, writer, way):
        async for data, api in (self.requests if way == "up" else self.answers)(reader):
            if not self.passing.is_set():
                self.hit += len(data)
                await self.passing.wait()
            self.spring(api)
            if self.swallow == way:
                self.hit += len(data)
                continue
            await asyncio.sleep(self.delay + (len(data) / self.rate if self.rate else 0))
            writer.write(data)
            await writer.drain()

    async def connect(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self.open |= ends
        ways = [asyncio.ensure_future(self.pump(reader, far_writer, "up")),
                asyncio.ensure_future(self.pump(far_reader, writer, "down"))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in ends:
            end.transport.abort()
        self.open -= ends

    def obey(self, verb, *words):
        if verb == "target":
            self.target = words[0], int(words[1])
        elif verb == "pass":
            passing = self.passing
            self.be_good()
            passing.set()
        elif verb == "cut":
            self.cut()
        elif verb == "flap":
            self.flapping = asyncio.ensure_future(self.flap(float(words[0])))
        elif verb == "hole":
            self.passing.clear()
        elif verb == "swallow":
            self.swallow = words[0]
        elif verb in ("deaf", "mute"):
            self.trap = verb, int(words[0])
        elif verb == "delay":
            self.delay = float(words[0])
        elif verb == "rate":
            self.rate = int(words[0])
        elif verb != "count":
            return "what?"
        return f"{self.cuts} {self.hit}"

    async def control(self, reader, writer):
        words = (await reader.readline()).decode().split()
        writer.write((self.obey(*words) + "\n").encode())
        await writer.drain()
        writer.close()


def port_of(server):
    return server.sockets[0].getsockname()[1]


async def main():
    link, parent = Link(), os.getppid()
    near = await asyncio.start_server(link.connect, "127.0.0.1", 0)
    control = await asyncio.start_server(link.control, "127.0.0.1", 0)
    with open(sys.argv[1] + ".new", "w") as f:
        print(port_of(near), port_of(control), file=f)
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    while os.getppid() == parent:
        await asyncio.sleep(0.5)


if len(sys.argv) != 2:
    sys.exit(__doc__)
asyncio.run(main())
