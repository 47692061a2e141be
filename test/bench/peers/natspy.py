# The peer nats-py: what its documentation shows for a Fetch, over TCP. One job a line of JSON on stdin, one answer a line on stdout.
import asyncio
import json
import sys
import time

import nats


async def drain(job):
    nc = await nats.connect(job["url"], user=job["user"], password=job["pass"])
    js = nc.jetstream()
    subscription = await js.pull_subscribe_bind(job["consumer"], job["stream"])
    handled = 0
    while handled < job["messages"]:
        for message in await subscription.fetch(job["messages"] - handled, timeout=5):
            await message.ack()
            handled += 1
    await nc.flush()
    await nc.close()
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
