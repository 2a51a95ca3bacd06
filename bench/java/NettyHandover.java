import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.util.concurrent.DefaultEventExecutor;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Buffers allocated in one thread and released in another, in two ways: "in turns" (a batch is
 * allocated, then released by the other thread, and only the work on the batch counts, in CPU time
 * of the two threads: what the allocator costs) and "at once" (both work at the same time through a
 * ring: elapsed time).
 */
final class NettyHandover implements Round {
    private static final int BATCH = 512;
    private static final int RING = 1024;
    private static final int TOLD_AFTER = 16; // of what it did, a thread tells the other only then

    private final ByteBufAllocator allocator;
    private final int size;
    private final int count;
    private final DefaultEventExecutor here = new DefaultEventExecutor();
    private final DefaultEventExecutor there = new DefaultEventExecutor();
    private final ByteBuf[] ring = new ByteBuf[RING];
    private final AtomicLong put = new AtomicLong();
    private final AtomicLong taken = new AtomicLong();

    NettyHandover(Options options) {
        allocator = NettyBuffers.allocator(options);
        size = (int) options.number("size", 1024);
        count = (int) options.number("count", 4_000_000) / TOLD_AFTER * TOLD_AFTER;
    }

    @Override
    public void measure(Figures into) throws Exception {
        into.put("handover/in-turns/" + size, inTurns());
        into.put("handover/at-once/" + size, atOnce());
    }

    private double inTurns() throws Exception {
        int batches = Math.max(1, count / BATCH / 8);
        ByteBuf[] batch = new ByteBuf[BATCH];
        long spent = 0;
        for (int i = 0; i < batches; i++) {
            spent += here.submit(() -> allocate(batch)).get();
            spent += there.submit(() -> release(batch)).get();
        }
        return (double) spent / batches / BATCH;
    }

    private long allocate(ByteBuf[] batch) {
        Cost cost = new Cost();
        for (int i = 0; i < batch.length; i++) {
            batch[i] = allocator.directBuffer(size);
        }
        return cost.threadNanos();
    }

    private static long release(ByteBuf[] batch) {
        Cost cost = new Cost();
        for (ByteBuf each : batch) {
            each.release();
        }
        return cost.threadNanos();
    }

    private double atOnce() throws Exception {
        put.set(0);
        taken.set(0);
        Cost cost = new Cost();
        Future<?> producer = here.submit(this::produce);
        there.submit(this::consume).get();
        producer.get();
        return (double) cost.wallNanos() / count;
    }

    /** Where the other thread does not get a core, spinning would keep it from it. */
    private static void pause(int tries) {
        if (tries < 1000) {
            Thread.onSpinWait();
        } else {
            Thread.yield();
        }
    }

    private void produce() {
        long room = RING;
        for (long i = 0; i < count; i++) {
            for (int tries = 0; i >= room; tries++) {
                pause(tries);
                room = taken.get() + RING;
            }
            ring[(int) (i & (RING - 1))] = allocator.directBuffer(size);
            if (i % TOLD_AFTER == TOLD_AFTER - 1) {
                put.lazySet(i + 1);
            }
        }
    }

    private void consume() {
        long ready = 0;
        for (long i = 0; i < count; i++) {
            for (int tries = 0; i >= ready; tries++) {
                pause(tries);
                ready = put.get();
            }
            ring[(int) (i & (RING - 1))].release();
            if (i % TOLD_AFTER == TOLD_AFTER - 1) {
                taken.lazySet(i + 1);
            }
        }
    }
}
