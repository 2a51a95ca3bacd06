import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.TimeUnit;

/**
 * FileChannel.transferTo a socket, or transferFrom one into a new file, again and again for a
 * while, each time over a connection of its own. Gives CPU time of the process per GB (10^9 bytes).
 */
final class JdkTransfer implements Round {
    private final boolean sending;
    private final InetSocketAddress peer;
    private final Path path;
    private final long bytes;
    private final long minimumNanos;

    JdkTransfer(String name, Options options) {
        sending = name.equals("to-socket");
        peer = new InetSocketAddress("127.0.0.1", (int) options.number("port", 0));
        path = Path.of(options.text("path"));
        bytes = options.number("bytes", 1L << 30);
        minimumNanos = TimeUnit.MILLISECONDS.toNanos(options.number("milliseconds", 2_000));
    }

    @Override
    public void measure(Figures into) throws Exception {
        Sum sum = new Sum();
        while (sum.wall < minimumNanos) {
            once(sum);
        }
        double gigabytes = sum.moved / 1e9;
        into.put("cpu_s_per_gb", sum.process / 1e9 / gigabytes);
        into.put("thread_cpu_s_per_gb", sum.thread / 1e9 / gigabytes);
        into.put("seconds_per_gb", sum.wall / 1e9 / gigabytes);
        into.put("calls", (double) sum.calls);
        into.put("transfers", (double) sum.transfers);
    }

    private static final class Sum {
        private long moved;
        private long process;
        private long thread;
        private long wall;
        private long calls;
        private long transfers;
    }

    private void once(Sum sum) throws IOException {
        try (SocketChannel socket = SocketChannel.open(peer)) {
            Cost cost = new Cost();
            sum.calls += sending ? send(socket) : receive(socket);
            sum.thread += cost.threadNanos();
            sum.process += cost.processNanos();
            sum.wall += cost.wallNanos();
            sum.moved += bytes;
            sum.transfers++;
        } finally {
            if (!sending) {
                Files.deleteIfExists(path);
            }
        }
    }

    private long send(SocketChannel socket) throws IOException {
        long calls = 0;
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ)) {
            for (long position = 0; position < bytes; calls++) {
                position += file.transferTo(position, bytes - position, socket);
            }
        }
        return calls;
    }

    private long receive(SocketChannel socket) throws IOException {
        long calls = 0;
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.CREATE_NEW,
                StandardOpenOption.WRITE)) {
            for (long position = 0; position < bytes; calls++) {
                long moved = file.transferFrom(socket, position, bytes - position);
                if (moved == 0) {
                    throw new EOFException("the sender ended at " + position);
                }
                position += moved;
            }
        }
        return calls;
    }
}
