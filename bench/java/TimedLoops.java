import io.netty.util.concurrent.DefaultEventExecutor;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Times small operations in loops, in a thread of Netty's own kind (an event loop's), which is
 * where its allocators are fastest. Gives nanoseconds of that thread's CPU time and bytes of
 * garbage for one operation.
 */
final class TimedLoops implements Round {
    /** Does the operation `count` times; returns something that depends on all of them. */
    interface Loop {
        long run(int count);
    }

    private static volatile long sink;

    private final Map<String, Loop> loops;
    private final long minimumNanos;
    private final DefaultEventExecutor executor = new DefaultEventExecutor();

    TimedLoops(Map<String, Loop> loops, Options options) {
        this.loops = loops;
        this.minimumNanos = TimeUnit.MILLISECONDS.toNanos(options.number("milliseconds", 300));
    }

    @Override
    public void measure(Figures into) throws Exception {
        executor.submit(() -> loops.forEach((name, loop) -> time(name, loop, into))).get();
    }

    private void time(String name, Loop loop, Figures into) {
        int count = 256;
        for (;;) {
            Cost cost = new Cost();
            sink = loop.run(count);
            long spent = cost.threadNanos();
            if (spent >= minimumNanos || count > Integer.MAX_VALUE / 4) {
                into.put(name, (double) spent / count);
                into.put(name + " garbage", (double) cost.garbageBytes() / count);
                return;
            }
            count = nextCount(count, spent);
        }
    }

    private int nextCount(int count, long spent) {
        double wanted = 1.2 * count * minimumNanos / Math.max(spent, 1_000);
        return (int) Math.min(Math.max(wanted, count * 2.0), count * 64.0);
    }
}
