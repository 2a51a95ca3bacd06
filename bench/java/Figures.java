import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;

/** Named figures of one round, as one line of JSON. */
final class Figures {
    private final Map<String, Double> values = new LinkedHashMap<>();

    void put(String name, double value) {
        values.put(name, value);
    }

    String json() {
        StringJoiner joined = new StringJoiner(", ", "{", "}");
        values.forEach((name, value) ->
                joined.add(String.format(Locale.ROOT, "\"%s\": %.6f", name, value)));
        return joined.toString();
    }
}
