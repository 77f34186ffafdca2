"""What the tests of the integrations share: splitters that remember how leases ended, and real HTTP."""

import asyncio
import contextlib
import socket

import serinus as sr


class Recorded:
    """A lease that writes down how it ends."""

    def __init__(self, lease, ends):
        self.lease = lease
        self.ends = ends

    def __getattr__(self, name):
        return getattr(self.lease, name)

    def finish(self, **outcome):
        self.lease.finish(**outcome)
        kind = "error" if outcome.get("error") else "finished"
        self.ends.append((kind, self.version, outcome))

    def abandon(self, **times):
        self.lease.abandon(**times)
        self.ends.append(("abandoned" if times.get("latency_ms") is not None else "discarded", self.version, times))


class Recorder(sr.Splitter):
    """A splitter that writes down how its leases end."""

    def __init__(self, weights=None, *, salt="m"):
        self.ends = []

    def __new__(cls, weights=None, *, salt="m"):
        return super().__new__(cls, weights or {"v1": 1.0}, salt=salt)

    def route(self, **request):
        return Recorded(super().route(**request), self.ends)

    def retry(self, lease):
        self.ends.append(("retried", lease.version, {}))
        return Recorded(super().retry(lease.lease), self.ends)

    @property
    def kinds(self):
        return [kind for kind, _, _ in self.ends]

    @property
    def in_flight(self):
        return sum(version.in_flight for version in self.stats().values())


@contextlib.asynccontextmanager
async def served(app, lifespan="off"):
    """An application on a port of its own; gives its address."""
    import uvicorn

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, log_level="critical", lifespan=lifespan, backlog=1024)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            while not server.started:
                await asyncio.sleep(0.005)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


async def eventually(holds):
    """Waits until something holds; the caller's own timeout ends what never does."""
    while not holds():
        await asyncio.sleep(0.005)


def run(coroutine, seconds=60, debug=None):
    """Runs a test. Python's development mode makes tasks slow unless ``debug`` is false."""

    async def within():
        async with asyncio.timeout(seconds):
            return await coroutine

    return asyncio.run(within(), debug=debug)
