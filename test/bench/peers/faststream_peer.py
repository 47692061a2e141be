# The peer FastStream: a handler a message, acked when it returns, as its documentation shows for a pull consumer. One job a line of
# JSON on stdin, one answer a line on stdout.
import asyncio
import json
import sys
import time

from faststream.nats import JStream, NatsBroker, PullSub
from faststream.security import SASLPlaintext


async def drain(job):
    broker = NatsBroker(job["url"], security=SASLPlaintext(job["user"], job["pass"]), logger=None)
    handled = 0
    done = asyncio.Event()

    @broker.subscriber(
        f"{job['stream']}.message",
        stream=JStream(job["stream"], declare=False),
        durable=job["consumer"],
        pull_sub=PullSub(batch_size=job["messages"], timeout=5.0),
    )
    async def handle(body: bytes) -> None:
        nonlocal handled
        handled += 1
        if handled == job["messages"]:
            done.set()

    async with broker:
        await broker.start()
        await asyncio.wait_for(done.wait(), timeout=60)
    return handled


async def main():
    for line in sys.stdin:
        started_at = time.perf_counter()
        try:
            done = {"handled": await drain(json.loads(line))}
        except Exception as error:
            done = {"handled": 0, "error": repr(error)}
        done["wallMs"] = (time.perf_counter() - started_at) * 1000
        print(json.dumps(done), flush=True)


asyncio.run(main())
