import java.io.BufferedOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * Appends many small records to a new file, in one of three ways: through a mapping, through a
 * buffered stream, by a write each. The file is removed after each time.
 */
final class JdkFileAppend implements Round {
    private static final int PAGE = 4096;

    private final String way;
    private final Path path;
    private final byte[] record;
    private final int appends;
    private final int repeats;
    private final int streamBuffer;

    JdkFileAppend(Options options) {
        way = options.text("way");
        path = Path.of(options.text("folder"), "java-" + way);
        record = new byte[(int) options.number("record", 60)];
        Arrays.fill(record, (byte) 'r');
        appends = (int) options.number("appends", 1_000_000);
        repeats = (int) options.number("repeats", 3);
        streamBuffer = (int) options.number("stream-buffer", 8192);
    }

    @Override
    public void measure(Figures into) throws Exception {
        Times sum = new Times();
        for (int i = 0; i < repeats; i++) {
            try {
                once(sum);
            } finally {
                Files.deleteIfExists(path);
            }
        }
        into.put("ms", sum.wall / 1e6 / repeats);
        into.put("cpu_ms", sum.cpu / 1e6 / repeats);
        into.put("whole_ms", sum.whole / 1e6 / repeats);
        into.put("whole_cpu_ms", sum.wholeCpu / 1e6 / repeats);
    }

    /** `whole`: with making, growing and populating the file, and closing it. */
    private static final class Times {
        private long wall;
        private long cpu;
        private long whole;
        private long wholeCpu;

        void add(Cost appending) {
            wall += appending.wallNanos();
            cpu += appending.threadNanos();
        }

        void addWhole(Cost all) {
            whole += all.wallNanos();
            wholeCpu += all.threadNanos();
        }
    }

    private void once(Times sum) throws Exception {
        switch (way) {
            case "mapping" -> throughMapping(sum);
            case "stream" -> throughStream(sum);
            case "write" -> byWriteEach(sum);
            default -> throw new IllegalArgumentException("no such way: " + way);
        }
    }

    private void throughMapping(Times sum) throws Exception {
        Cost whole = new Cost();
        long size = (long) appends * record.length;
        MappedByteBuffer mapping;
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(size);
            mapping = file.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, size);
        }
        for (int at = 0; at < size; at += PAGE) {
            mapping.put(at, (byte) 0); // a page that was only read would fault again when written
        }
        Cost cost = new Cost();
        appendAll(mapping);
        sum.add(cost);
        Unmapping.of(mapping);
        sum.addWhole(whole);
    }

    private void appendAll(ByteBuffer mapping) {
        for (int i = 0; i < appends; i++) {
            mapping.put(record);
        }
    }

    private void throughStream(Times sum) throws IOException {
        Cost whole = new Cost();
        FileOutputStream file = new FileOutputStream(path.toFile());
        Cost cost = new Cost();
        try (OutputStream out = new BufferedOutputStream(file, streamBuffer)) {
            for (int i = 0; i < appends; i++) {
                out.write(record);
            }
            out.flush();
            sum.add(cost);
        }
        sum.addWhole(whole);
    }

    /** From direct memory: a heap buffer would be copied into such memory by each call. */
    private void byWriteEach(Times sum) throws IOException {
        Cost whole = new Cost();
        ByteBuffer direct = ByteBuffer.allocateDirect(record.length).put(record);
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.CREATE_NEW,
                StandardOpenOption.WRITE, StandardOpenOption.APPEND)) {
            Cost cost = new Cost();
            for (int i = 0; i < appends; i++) {
                file.write(direct.rewind());
            }
            sum.add(cost);
        }
        sum.addWhole(whole);
    }
}
