"""How `serve` bears four times the requests that it can answer: python3 bench/serve_load.py --config FILE

Starts the server, finds what it answers when every client waits for its answer, and then offers four times as much,
whatever comes back. Fails where there is anything but answers and 503, or where memory grows. Needs a finished training
and nothing but Python.
"""

import argparse
import asyncio
import collections
import json
import re
import subprocess
import time
from pathlib import Path

WARM_UP_SECONDS = 5
CAPACITY_SECONDS = 10
TIMES_CAPACITY = 4
# Of resident memory between the middle of the load and its end.
MOST_GROWTH = 1.05


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="configs/sample.toml")
    parser.add_argument("--work", default="work")
    parser.add_argument("--bin", type=Path, default=Path("target/release"))
    sample = Path("configs/sample/test.tsv")
    parser.add_argument("--texts", type=Path, default=sample, help="a text a line; of TSV its second column")
    parser.add_argument("--texts-per-request", type=int, default=16)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--queue", type=int, default=1024)
    return parser.parse_args()


def bodies(path, count):
    """Requests with `count` texts each, as bytes."""
    lines = path.read_text(encoding="utf-8").splitlines()
    texts = [line.split("\t")[1] for line in lines[1:]] if path.suffix == ".tsv" else lines
    chunks = [texts[start : start + count] for start in range(0, len(texts) - count + 1, count)]
    return [json.dumps({"texts": chunk}, ensure_ascii=False).encode() for chunk in chunks]


def start(args):
    options = {"--config": args.config, "--work": args.work, "--port": "0", "--queue": str(args.queue)}
    command = [args.bin / "serve", *(part for option in options.items() for part in option)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    address = re.fullmatch(r"http://(.*):(\d+)\n", server.stdout.readline())
    assert address, "the server does not start; run it by hand to see why"
    return server, address.group(1), int(address.group(2))


def resident_mib(server):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{server.pid}/status").read_text()).group(1)) / 1024


class Client:
    """A connection that is kept."""

    def __init__(self, host, port):
        self.host, self.port = host, port

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        return self

    async def ask(self, body):
        head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.writer.write(head + body)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head.lower()).group(1))
        await self.reader.readexactly(length)
        return int(head.split(b" ", 2)[1])


class Tally:
    """Times by status code."""

    def __init__(self):
        self.times = collections.defaultdict(list)
        self.started = time.perf_counter()

    def add(self, code, seconds):
        self.times[code].append(seconds)

    def rate(self, code, seconds):
        return len(self.times[code]) / seconds

    def quantile(self, code, share):
        ordered = sorted(self.times[code])
        return 1e3 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def waiting(clients, requests, seconds):
    """Every client asks again once it is answered."""
    tally, until = Tally(), time.perf_counter() + seconds

    async def work(client, number):
        while (began := time.perf_counter()) < until:
            code = await client.ask(requests[number % len(requests)])
            tally.add(code, time.perf_counter() - began)
            number += 7

    await asyncio.gather(*(work(client, number) for number, client in enumerate(clients)))
    return tally


async def offered(clients, requests, rate, seconds, watch):
    """A fixed number of requests a second while a connection is free; a time counts from when a request was due."""
    tally, due = Tally(), asyncio.Queue()

    async def work(client):
        while (item := await due.get()) is not None:
            number, at = item
            tally.add(await client.ask(requests[number % len(requests)]), time.perf_counter() - at)

    workers = [asyncio.create_task(work(client)) for client in clients]
    began, sent, looked = time.perf_counter(), 0, 0
    while (now := time.perf_counter() - began) < seconds:
        while sent < now * rate:
            due.put_nowait((sent, began + sent / rate))
            sent += 1
        if now > looked:
            watch(now)
            looked += 5
        await asyncio.sleep(0.002)
    for _ in workers:
        due.put_nowait(None)
    await asyncio.gather(*workers)
    return tally, sent


async def load(args, server, host, port):
    requests = bodies(args.texts, args.texts_per_request)
    some = max(1, args.queue // args.texts_per_request // 4)
    few = [await Client(host, port).open() for _ in range(some)]
    await waiting(few, requests, WARM_UP_SECONDS)
    alone = await waiting(few, requests, CAPACITY_SECONDS)
    capacity = alone.rate(200, CAPACITY_SECONDS)
    texts, p99 = capacity * args.texts_per_request, alone.quantile(200, 0.99)
    print(f"capacity: {capacity:.0f} requests a second, {texts:.0f} texts, p99 {p99:.0f} ms, {len(few)} connections")
    # Only now, since the server closes what is idle.
    clients = few + [await Client(host, port).open() for _ in range(args.connections - some)]
    memory = []
    rate, watch = TIMES_CAPACITY * capacity, lambda _: memory.append(resident_mib(server))
    tally, sent = await offered(clients, requests, rate, args.seconds, watch)
    print(f"offered: {sent / args.seconds:.0f} requests a second for {args.seconds} s on {len(clients)} connections")
    for code in sorted(tally.times):
        times = [tally.quantile(code, share) for share in (0.5, 0.99)]
        print(f"{code}: {tally.rate(code, args.seconds):.0f} a second, p50 {times[0]:.0f} ms, p99 {times[1]:.0f} ms")
    print(f"resident memory, every 5 s: {' '.join(f'{mib:.0f}' for mib in memory)} MiB")
    assert set(tally.times) <= {200, 503}, "there are other answers than 200 and 503"
    assert memory[-1] < MOST_GROWTH * memory[len(memory) // 2], "memory grows"


def main():
    args = options()
    server, host, port = start(args)
    try:
        asyncio.run(load(args, server, host, port))
    finally:
        server.terminate()
    print(f"after SIGTERM: exit code {server.wait()}")


if __name__ == "__main__":
    main()
