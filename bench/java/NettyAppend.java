import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.util.concurrent.DefaultEventExecutor;

/** Appends slices of 1 KiB, made before, to a new composite buffer; dropping it is not timed. */
final class NettyAppend implements Round {
    private static final int PIECE = 1024;
    private static final int BLOCK_PIECES = 64;

    private final ByteBufAllocator allocator;
    private final int[] lengths;
    private final int total;
    private final DefaultEventExecutor executor = new DefaultEventExecutor();

    NettyAppend(Options options) {
        allocator = NettyBuffers.allocator(options);
        lengths = options.numbers("pieces", "1000,10000,100000");
        total = (int) options.number("appends", 1_000_000);
    }

    @Override
    public void measure(Figures into) throws Exception {
        executor.submit(() -> {
            for (int length : lengths) {
                into.put("append/" + length, nanosPerAppend(length));
            }
            into.put("append/limit-16", nanosPerAppendWithLimit());
        }).get();
    }

    private double nanosPerAppend(int length) {
        int times = Math.max(1, total / length);
        long spent = 0;
        for (int i = 0; i < times; i++) {
            spent += appendAll(allocator.compositeDirectBuffer(Integer.MAX_VALUE), slices(length));
        }
        return (double) spent / times / length;
    }

    /** What the default limit of 16 components makes of it: each append beyond it copies all. */
    private double nanosPerAppendWithLimit() {
        int length = 1_000;
        return (double) appendAll(allocator.compositeDirectBuffer(), slices(length)) / length;
    }

    private static long appendAll(CompositeByteBuf all, ByteBuf[] slices) {
        Cost cost = new Cost();
        for (ByteBuf slice : slices) {
            all.addComponent(true, slice);
        }
        long spent = cost.threadNanos();
        all.release();
        return spent;
    }

    private ByteBuf[] slices(int count) {
        ByteBuf[] made = new ByteBuf[count];
        ByteBuf block = null;
        for (int i = 0; i < count; i++) {
            int at = i % BLOCK_PIECES;
            if (at == 0) {
                if (block != null) {
                    block.release();
                }
                block = allocator.directBuffer(BLOCK_PIECES * PIECE)
                        .writeZero(BLOCK_PIECES * PIECE);
            }
            made[i] = block.retainedSlice(at * PIECE, PIECE);
        }
        if (block != null) {
            block.release();
        }
        return made;
    }
}
