import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;

/**
 * Speaks with the harness over standard input and output: warms up, prints "ready" with the number
 * of rounds that took, then measures a round for each line it reads and prints its figures.
 */
final class Rounds {
    private Rounds() {}

    static void serve(Round round, Options options) throws Exception {
        int warmUps = warmUp(round, options);
        System.out.println("ready " + warmUps);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        while (lines.readLine() != null) {
            Figures figures = new Figures();
            double compiling = compilerMilliseconds();
            round.measure(figures);
            figures.put("jit_ms", compilerMilliseconds() - compiling);
            System.out.println(figures.json());
        }
    }

    private static int warmUp(Round round, Options options) throws Exception {
        long end = System.nanoTime()
                + TimeUnit.MILLISECONDS.toNanos(options.number("warm-up-ms", 5_000));
        int done = 0;
        while (done < options.number("warm-up-rounds", 3) || System.nanoTime() < end) {
            round.measure(new Figures());
            done++;
        }
        System.gc(); // what warming up left behind is not collected within a round
        return done;
    }

    /** What the JIT compiler worked so far: in a warm round it should be next to nothing. */
    private static double compilerMilliseconds() {
        return ManagementFactory.getCompilationMXBean().getTotalCompilationTime();
    }
}
