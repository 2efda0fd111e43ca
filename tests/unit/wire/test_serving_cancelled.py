"""A service that is cancelled leaves nothing of its socket in the event loop."""

import asyncio

from sealgrid.wire.server import create_app, listen, serve


async def test_whoever_gets_the_number_of_a_cancelled_services_socket_can_use_it():
    for _ in range(3):
        sock, ready = listen(), asyncio.Event()
        serving = asyncio.create_task(serve(create_app([]), sock, ready.set))
        await asyncio.wait_for(ready.wait(), 10)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        sock.close()
        with listen() as other:  # takes the lowest free number, the cancelled one's
            server = await asyncio.start_server(lambda _reader, writer: writer.close(), sock=other)
            _, writer = await asyncio.open_connection(*other.getsockname())
            writer.close()
            server.close()
