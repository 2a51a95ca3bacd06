import java.util.Map;

/**
 * The Java side of the benchmarks of memory and files: {@code java Main CASE [KEY=VALUE]...}.
 *
 * <p>One process measures one case, so that the JIT compiler sees only the types of that case; it
 * warms up, and then measures once for each line that bench/java_peer.py sends (see Rounds).
 */
public final class Main {
    private Main() {}

    public static void main(String[] words) throws Exception {
        Options options = new Options(words);
        Rounds.serve(round(words.length > 0 ? words[0] : "", options), options);
        System.exit(0); // threads of pools do not keep the process
    }

    private static Round round(String name, Options options) throws Exception {
        return switch (name) {
            case "allocate", "random-read", "sequential-read", "export", "slice" ->
                new TimedLoops(memoryLoops(name, options), options);
            case "handover" -> new NettyHandover(options);
            case "append" -> new NettyAppend(options);
            case "file-append" -> new JdkFileAppend(options);
            case "to-socket", "from-socket" -> new JdkTransfer(name, options);
            case "zip" -> new JdkZip(options);
            default -> throw new IllegalArgumentException("no such case: '" + name + "'");
        };
    }

    private static Map<String, TimedLoops.Loop> memoryLoops(String name, Options options) {
        return switch (name) {
            case "allocate" -> NettyBuffers.allocate(options);
            case "slice" -> NettyBuffers.slice(options);
            case "random-read" -> NettyComposites.randomRead(options);
            case "sequential-read" -> NettyComposites.sequentialRead(options);
            default -> NettyComposites.export(options);
        };
    }
}
