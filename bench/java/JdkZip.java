import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.Pipe;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Puts the files of a folder into a zip archive, in the ways that Java programs do it. */
final class JdkZip implements Round {
    private static final int PIPE_BLOCK = 1 << 20;

    private interface Way {
        void zip(List<Path> files, Path archive) throws IOException;
    }

    private final List<Path> files;
    private final Path archive;

    JdkZip(Options options) throws IOException {
        try (Stream<Path> found = Files.list(Path.of(options.text("inputs")))) {
            files = found.sorted().toList();
        }
        archive = Path.of(options.text("archive"));
    }

    @Override
    public void measure(Figures into) throws Exception {
        time("buffered", JdkZip::buffered, into);
        time("transferTo", JdkZip::transferTo, into);
        time("pipe", JdkZip::pipe, into);
        time("stored", JdkZip::stored, into);
    }

    private void time(String name, Way way, Figures into) throws IOException {
        Files.deleteIfExists(archive);
        Cost cost = new Cost();
        way.zip(files, archive);
        into.put(name, cost.wallNanos() / 1e6);
        into.put(name + " cpu", cost.processNanos() / 1e6);
        into.put(name + " bytes", (double) Files.size(archive));
    }

    private static OutputStream create(Path archive) throws IOException {
        return Files.newOutputStream(archive, StandardOpenOption.CREATE_NEW);
    }

    private static void buffered(List<Path> files, Path archive) throws IOException {
        try (ZipOutputStream zip = new ZipOutputStream(new BufferedOutputStream(create(archive)))) {
            for (Path file : files) {
                zip.putNextEntry(new ZipEntry(file.getFileName().toString()));
                try (InputStream in = new BufferedInputStream(Files.newInputStream(file))) {
                    in.transferTo(zip);
                }
                zip.closeEntry();
            }
        }
    }

    private static void transferTo(List<Path> files, Path archive) throws IOException {
        try (OutputStream out = create(archive)) {
            transferAll(files, out);
        }
    }

    private static void transferAll(List<Path> files, OutputStream out) throws IOException {
        try (ZipOutputStream zip = new ZipOutputStream(out)) {
            WritableByteChannel entries = Channels.newChannel(zip);
            for (Path file : files) {
                zip.putNextEntry(new ZipEntry(file.getFileName().toString()));
                try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
                    long size = in.size();
                    for (long position = 0; position < size; ) {
                        position += in.transferTo(position, size - position, entries);
                    }
                }
                zip.closeEntry();
            }
        }
    }

    /** A worker deflates into a pipe, while this thread writes what comes out of it. */
    private static void pipe(List<Path> files, Path archive) throws IOException {
        Pipe pipe = Pipe.open();
        CompletableFuture<Void> worker = CompletableFuture.runAsync(() -> {
            try (OutputStream sink = Channels.newOutputStream(pipe.sink())) {
                transferAll(files, sink);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        });
        try (FileChannel out = FileChannel.open(archive, StandardOpenOption.CREATE_NEW,
                StandardOpenOption.WRITE); Pipe.SourceChannel source = pipe.source()) {
            ByteBuffer block = ByteBuffer.allocateDirect(PIPE_BLOCK);
            while (source.read(block) >= 0) {
                block.flip();
                while (block.hasRemaining()) {
                    out.write(block);
                }
                block.clear();
            }
        }
        worker.join();
    }

    /** Without compression: not what the others do, but what the input deserves. */
    private static void stored(List<Path> files, Path archive) throws IOException {
        try (ZipOutputStream zip = new ZipOutputStream(create(archive))) {
            zip.setMethod(ZipOutputStream.STORED);
            for (Path file : files) {
                byte[] content = Files.readAllBytes(file);
                CRC32 crc = new CRC32();
                crc.update(content);
                ZipEntry entry = new ZipEntry(file.getFileName().toString());
                entry.setSize(content.length);
                entry.setCrc(crc.getValue());
                zip.putNextEntry(entry);
                zip.write(content);
                zip.closeEntry();
            }
        }
    }
}
