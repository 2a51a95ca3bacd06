import io.netty.buffer.AdaptiveByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import java.util.LinkedHashMap;
import java.util.Map;

/** Single buffers of Netty: allocate and release, slice and release. */
final class NettyBuffers {
    private NettyBuffers() {}

    static ByteBufAllocator allocator(Options options) {
        String name = options.text("allocator", "adaptive");
        return switch (name) {
            case "adaptive" -> new AdaptiveByteBufAllocator(true);
            case "pooled" -> new PooledByteBufAllocator(true);
            default -> throw new IllegalArgumentException("no such allocator: " + name);
        };
    }

    static Map<String, TimedLoops.Loop> allocate(Options options) {
        ByteBufAllocator allocator = allocator(options);
        Map<String, TimedLoops.Loop> loops = new LinkedHashMap<>();
        for (int size : options.numbers("sizes", "64,256,1024,4096,16384,65536")) {
            loops.put("allocate/" + size, count -> allocateAndRelease(allocator, size, count));
        }
        return loops;
    }

    private static long allocateAndRelease(ByteBufAllocator allocator, int size, int count) {
        long released = 0;
        for (int i = 0; i < count; i++) {
            released += allocator.directBuffer(size).release() ? 1 : 0;
        }
        return released;
    }

    static Map<String, TimedLoops.Loop> slice(Options options) {
        ByteBuf whole = allocator(options).directBuffer(4096).writeZero(4096);
        return Map.of("slice", count -> sliceAndRelease(whole, count));
    }

    private static long sliceAndRelease(ByteBuf whole, int count) {
        long readable = 0;
        for (int i = 0; i < count; i++) {
            ByteBuf slice = whole.retainedSlice(i & 1023, 1024);
            readable += slice.readableBytes();
            slice.release();
        }
        return readable;
    }
}
