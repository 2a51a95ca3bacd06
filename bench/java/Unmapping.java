import java.lang.reflect.Field;
import java.nio.MappedByteBuffer;
import sun.misc.Unsafe;

/** Unmaps at once, which Java has no public call for; else rounds would pile up mapped files. */
final class Unmapping {
    private static final Unsafe UNSAFE = unsafe();

    private Unmapping() {}

    static void of(MappedByteBuffer mapping) {
        UNSAFE.invokeCleaner(mapping);
    }

    private static Unsafe unsafe() {
        try {
            Field field = Unsafe.class.getDeclaredField("theUnsafe");
            field.setAccessible(true);
            return (Unsafe) field.get(null);
        } catch (ReflectiveOperationException error) {
            throw new ExceptionInInitializerError(error);
        }
    }
}
