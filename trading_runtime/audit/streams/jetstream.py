"""Submissions over NATS JetStream: one stream, a subject for each producer, one durable consumer.

Rules:
 * A submission's message id is its producer, boot and sequence, so that the server drops what is
   sent again. The event id would not do: two submissions with one id would leave a hole in the
   sequence, where the log wants to see both.
 * A message is acknowledged after the log has it, and comes again until then.
 * Receipts stand in a stream of their own, the newest for each boot.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress

from nats.aio.msg import Msg
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from trading_runtime.audit.streams.jetstream_link import (
    RECEIPTS,
    RECEIPTS_SUBJECT,
    STREAM,
    SUBMISSIONS_SUBJECT,
    TIMEOUT_S,
    Link,
    Servers,
    token,
)
from trading_runtime.audit.streams.ordering import Ordering
from trading_runtime.audit.streams.source import (
    Damage,
    Delivery,
    Parcel,
    Place,
    Receipt,
    StreamDown,
)
from trading_runtime.clock import mono_ns
from trading_runtime.errors import Refused

CONSUMER = "log"
ACK_WAIT_S = 5.0
"""After that what was not acknowledged comes again: so late goes on who was killed."""
PENDING_MAX = 200_000
"""Not acknowledged: above all that the sequencer has under way or that is held."""
FETCH = 500
ARRIVED_MAX = 20_000
"""That wait for the sequencer here; more wait at the server."""
BOOTS_MAX = 100
"""Of this producer, whose receipts are looked for."""
RETRY_S = 0.25


class JetStreamPublisher:
    """A producer's end; connects when it is first used, and again whenever it has to."""

    passive = False

    def __init__(self, servers: Servers, producer_id: str) -> None:
        self._link = Link(servers)
        self._producer = token(producer_id)
        self._boots: dict[str, None] = {}

    def publish(self, parcels: Sequence[Parcel]) -> None:
        for boot in {parcel.boot for parcel in parcels}:
            self._boots[boot] = None
        while len(self._boots) > BOOTS_MAX:
            del self._boots[min(self._boots)]
        self._link.call(self._publish(parcels), 4 * TIMEOUT_S)

    def receipts(self) -> list[Receipt]:
        return self._link.call(self._receipts(), 4 * TIMEOUT_S)

    def close(self) -> None:
        self._link.close()

    async def _publish(self, parcels: Sequence[Parcel]) -> None:
        context = await self._link.context()
        subject = f"{SUBMISSIONS_SUBJECT}.{self._producer}"
        for parcel in parcels:
            if len(parcel.envelope) > self._link.payload_max:
                raise Refused(
                    f"{parcel.name} has {len(parcel.envelope)} bytes, and the server takes "
                    f"{self._link.payload_max}: raise its max_payload"
                )
        await asyncio.gather(
            *(
                context.publish(
                    subject,
                    parcel.envelope,
                    timeout=TIMEOUT_S,
                    stream=STREAM,
                    headers={"Nats-Msg-Id": parcel.name},
                )
                for parcel in parcels
            )
        )

    async def _receipts(self) -> list[Receipt]:
        context = await self._link.context()
        found = []
        for boot in self._boots:
            subject = f"{RECEIPTS_SUBJECT}.{self._producer}.{token(boot)}"
            try:
                message = await context.get_last_msg(RECEIPTS, subject, direct=True)
            except NotFoundError:
                continue
            if message.data is not None:
                found.append(Receipt(boot, message.data))
        return found


class JetStreamSource:
    """The sequencer's end. A task on the link's loop fetches ahead; the rest is its owner's."""

    def __init__(self, servers: Servers, place: Place) -> None:
        self._link = Link(servers)
        self._ordering = Ordering(place)
        self._arrived: deque[Msg] = deque()
        self._ready: deque[Delivery] = deque()
        self._down: StreamDown | Refused | None = None
        self._subscription: JetStreamContext.PullSubscription | None = None
        self._fetching = self._link.start(self._fetch_on())

    def poll(self, limit: int) -> list[Delivery]:
        """Give what waits; raises also :exc:`Refused` where the server is no safe place."""
        while len(self._ready) < limit and self._arrived:
            message = self._arrived.popleft()
            self._ready.extend(self._ordering.take(message.data, message))
        if dropped := self._ordering.look(mono_ns()):
            self._link.call(self._acknowledge(dropped), TIMEOUT_S)
        if not self._ready and self._down is not None:
            raise self._down
        return [self._ready.popleft() for _ in range(min(limit, len(self._ready)))]

    def damages(self) -> list[Damage]:
        return self._ordering.damages()

    def commit(self, tokens: Iterable[object]) -> None:
        self._link.call(self._acknowledge(self._ordering.committed(tokens)), TIMEOUT_S)

    def receipt(self, producer_id: str, boot: str, text: bytes) -> None:
        subject = f"{RECEIPTS_SUBJECT}.{token(producer_id)}.{token(boot)}"
        self._link.call(self._send(subject, text), 2 * TIMEOUT_S)

    def close(self) -> None:
        """End; what was not committed may go to the next source at once."""
        with suppress(StreamDown, Refused):
            self._link.call(self._give_back(), TIMEOUT_S)
        self._link.close()

    async def _give_back(self) -> None:
        self._fetching.cancel()
        if self._subscription is not None:
            # Or what is given back would come to a request that nobody waits for any more.
            await self._subscription.unsubscribe()
        for message in (*self._ordering.tokens(), *self._arrived):
            if isinstance(message, Msg):
                await message.nak()

    async def _acknowledge(self, messages: Sequence[object]) -> None:
        for message in messages:
            if isinstance(message, Msg):
                await message.ack()

    async def _send(self, subject: str, text: bytes) -> None:
        context = await self._link.context()
        await context.publish(subject, text, timeout=TIMEOUT_S, stream=RECEIPTS)

    async def _fetch_on(self) -> None:
        while True:
            try:
                context = await self._link.context()
                if self._subscription is None:
                    self._subscription = await _subscribed(context)
                await self._fetch(self._subscription)
                self._down = None
            except Refused as fault:
                self._down = fault
                return
            except (Error, TimeoutError, OSError) as fault:
                self._down = StreamDown(f"JetStream: {fault!r}")
                self._subscription = None
                await asyncio.sleep(RETRY_S)

    async def _fetch(self, subscription: JetStreamContext.PullSubscription) -> None:
        if len(self._arrived) >= ARRIVED_MAX:
            await asyncio.sleep(0.01)
            return
        try:
            self._arrived.extend(await subscription.fetch(FETCH, timeout=1))
        except TimeoutError:
            # Nothing came; ask whether that is because nobody is there.
            await subscription.consumer_info()


async def _subscribed(context: JetStreamContext) -> JetStreamContext.PullSubscription:
    config = ConsumerConfig(
        durable_name=CONSUMER,
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT_S,
        max_ack_pending=PENDING_MAX,
        max_deliver=-1,
    )
    return await context.pull_subscribe(
        f"{SUBMISSIONS_SUBJECT}.>", durable=CONSUMER, stream=STREAM, config=config
    )
