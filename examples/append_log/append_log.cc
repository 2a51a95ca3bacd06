// A log of records that are appended through a mapping: no system call for each of them, and they
// survive the end of the process, whatever ends it.
//
//     append_log LOG < lines     (appends each line, and prints where it stands)
//     append_log --list LOG
//
//     ┌────────┬───────┬────────┬───────┬ ─ ─
//     │ varint │ line  │ varint │ line  │
//     └────────┴───────┴────────┴───────┴ ─ ─
#include <iostream>
#include <string>
#include <string_view>

#include <sluice/buffer.h>
#include <sluice/chain.h>
#include <sluice/chain_cursor.h>
#include <sluice/mapped_appender.h>

namespace {

std::string_view text_of(sluice::mapped_appender::ending how) {
    switch (how) {
        case sluice::mapped_appender::ending::closed:
            return "was closed";
        case sluice::mapped_appender::ending::process_ended:
            return "was left by a process that ended";
        case sluice::mapped_appender::ending::machine_ended:
            return "was left by a machine that ended";
    }
    return "";
}

sluice::result<void> append_lines(sluice::mapped_appender& log, std::istream& from) {
    sluice::buffer record;
    for (std::string line; std::getline(from, line);) {
        record.clear();
        record.append_varint(line.size());
        record.append(line);
        auto position = log.append(record.bytes());  // one copy, into the page cache
        if (!position) return sluice::failure(std::move(position));
        std::cout << *position << std::endl;
    }
    return {};
}

sluice::result<void> list(const sluice::mapped_appender& log) {
    auto bytes = log.slice(0, log.length());  // the pages themselves, not a copy
    if (!bytes) return sluice::failure(std::move(bytes));
    sluice::chain all;
    all.append(std::move(*bytes));
    sluice::chain_cursor at(all);
    while (auto size = at.read_varint()) {
        if (*size > at.remaining()) return sluice::failure(EBADMSG, "read", log.target().name());
        std::string line(*size, '\0');
        at.read(std::as_writable_bytes(std::span(line)));
        std::cout << line << "\n";
    }
    return {};
}

sluice::result<void> run(bool listing, const std::string& path) {
    auto log = sluice::mapped_appender::open(path);
    if (!log) return sluice::failure(std::move(log));
    std::cerr << "the log " << text_of(log->found()) << ", " << log->length() << " bytes count\n";
    auto done = listing ? list(*log) : append_lines(*log, std::cin);
    if (!done) return done;
    return log->close();  // syncs, and cuts the file to what was appended
}

}  // namespace

int main(int argc, char** argv) {
    bool listing = argc == 3 && std::string_view(argv[1]) == "--list";
    if (argc != 2 && !listing) {
        std::cerr << "usage: append_log [--list] LOG\n";
        return 2;
    }
    if (auto done = run(listing, argv[argc - 1]); !done) {
        std::cerr << "append_log: " << done.error().message() << "\n";
        return 1;
    }
}
