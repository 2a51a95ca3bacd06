import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/** Composite buffers of Netty, made of slices of 64 bytes, without the limit that consolidates. */
final class NettyComposites {
    private static final int PIECE = 64;

    private NettyComposites() {}

    private static CompositeByteBuf composite(Options options, int pieces) {
        var allocator = NettyBuffers.allocator(options);
        CompositeByteBuf made = allocator.compositeDirectBuffer(Integer.MAX_VALUE);
        ByteBuf block = allocator.directBuffer(pieces * PIECE).writeZero(pieces * PIECE);
        for (int i = 0; i < pieces; i++) {
            made.addComponent(true, block.retainedSlice(i * PIECE, PIECE));
        }
        block.release();
        return made;
    }

    /** Pieces of 1 to 127 bytes. */
    private static CompositeByteBuf unevenComposite(Options options, int pieces) {
        var allocator = NettyBuffers.allocator(options);
        CompositeByteBuf made = allocator.compositeDirectBuffer(Integer.MAX_VALUE);
        int room = 2 * PIECE;
        ByteBuf block = allocator.directBuffer(pieces * room).writeZero(pieces * room);
        Numbers sizes = new Numbers();
        for (int i = 0; i < pieces; i++) {
            int size = (int) (1 + sizes.below(room - 1));
            made.addComponent(true, block.retainedSlice(i * room, size));
        }
        block.release();
        return made;
    }

    static Map<String, TimedLoops.Loop> randomRead(Options options) {
        Map<String, TimedLoops.Loop> loops = new LinkedHashMap<>();
        for (int pieces : options.numbers("pieces", "16,256,4096")) {
            CompositeByteBuf all = composite(options, pieces);
            loops.put("random-read/" + pieces, count -> readAtRandom(all, count));
            CompositeByteBuf uneven = unevenComposite(options, pieces);
            loops.put("random-read/uneven/" + pieces, count -> readAtRandom(uneven, count));
        }
        return loops;
    }

    private static long readAtRandom(CompositeByteBuf all, int count) {
        long limit = all.capacity() - Long.BYTES + 1;
        Numbers positions = new Numbers();
        long sum = 0;
        for (int i = 0; i < count; i++) {
            sum += all.getLong((int) positions.below(limit));
        }
        return sum;
    }

    /** Numbers that are the same here and in bench/memory_chains.cc. */
    private static final class Numbers {
        private long state = 1;

        long below(long limit) {
            state = state * 6364136223846793005L + 1442695040888963407L;
            return ((state >>> 33) * limit) >>> 31;
        }
    }

    static Map<String, TimedLoops.Loop> sequentialRead(Options options) {
        CompositeByteBuf all = composite(options, 256);
        return Map.of("sequential-read/256", count -> readBytes(all, count),
                "sequential-read/for-each/256", count -> visitBytes(all, count));
    }

    private static long readBytes(CompositeByteBuf all, int count) {
        long sum = 0;
        all.readerIndex(0);
        for (int i = 0; i < count; i++) {
            if (!all.isReadable()) {
                all.readerIndex(0);
            }
            sum += all.readByte();
        }
        return sum;
    }

    /** Netty's own loop over the bytes; it gives the position where the visitor stops. */
    private static long visitBytes(CompositeByteBuf all, int count) {
        Summing sum = new Summing();
        for (int done = 0; done < count; done += all.capacity()) {
            all.forEachByte(0, Math.min(all.capacity(), count - done), sum);
        }
        return sum.value;
    }

    private static final class Summing implements io.netty.util.ByteProcessor {
        private long value;

        @Override
        public boolean process(byte found) {
            value += found;
            return true;
        }
    }

    static Map<String, TimedLoops.Loop> export(Options options) {
        Map<String, TimedLoops.Loop> loops = new LinkedHashMap<>();
        for (int pieces : options.numbers("pieces", "4096")) {
            CompositeByteBuf all = composite(options, pieces);
            loops.put("export/" + pieces, count -> exportParts(all, count));
        }
        return loops;
    }

    private static long exportParts(CompositeByteBuf all, int count) {
        long parts = 0;
        for (int i = 0; i < count; i++) {
            ByteBuffer[] made = all.nioBuffers();
            parts += made.length + made[made.length - 1].remaining();
        }
        return parts;
    }
}
