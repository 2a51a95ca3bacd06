import com.sun.management.OperatingSystemMXBean;
import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/** Clocks: of this thread, of the process (all threads: GC and JIT too), and the wall's. */
final class Cost {
    private static final ThreadMXBean THREADS =
            (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final OperatingSystemMXBean PROCESS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private final long wall = System.nanoTime();
    private final long process = PROCESS.getProcessCpuTime();
    private final long garbage = THREADS.getCurrentThreadAllocatedBytes();
    private final long thread = THREADS.getCurrentThreadCpuTime();

    /** Nanoseconds of this thread's CPU time since this was made, in the same thread. */
    long threadNanos() {
        return THREADS.getCurrentThreadCpuTime() - thread;
    }

    /** Nanoseconds of CPU time of all threads, in steps of the kernel's clock tick (10 ms). */
    long processNanos() {
        return PROCESS.getProcessCpuTime() - process;
    }

    long wallNanos() {
        return System.nanoTime() - wall;
    }

    /** Bytes that this thread allocated on the Java heap. */
    long garbageBytes() {
        return THREADS.getCurrentThreadAllocatedBytes() - garbage;
    }
}
