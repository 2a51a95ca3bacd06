import java.util.HashMap;
import java.util.Map;

/** The KEY=VALUE words of the command line. */
final class Options {
    private final Map<String, String> values = new HashMap<>();

    Options(String[] words) {
        for (String word : words) {
            int at = word.indexOf('=');
            if (at > 0) {
                values.put(word.substring(0, at), word.substring(at + 1));
            }
        }
    }

    String text(String key) {
        String value = values.get(key);
        if (value == null) {
            throw new IllegalArgumentException("needs " + key + "=...");
        }
        return value;
    }

    String text(String key, String otherwise) {
        return values.getOrDefault(key, otherwise);
    }

    long number(String key, long otherwise) {
        String value = values.get(key);
        return value == null ? otherwise : Long.parseLong(value);
    }

    int[] numbers(String key, String otherwise) {
        String[] words = text(key, otherwise).split(",");
        int[] made = new int[words.length];
        for (int i = 0; i < words.length; i++) {
            made[i] = Integer.parseInt(words[i]);
        }
        return made;
    }
}
