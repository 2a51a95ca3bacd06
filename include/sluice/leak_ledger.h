// leak_ledger.h: which memory is still held, who asked for it, and who used it last.
//
//     leak_ledger::record_all();
//     ...
//     std::cerr << leak_ledger::report();
//
//     1 storage, 4096 bytes
//     4096 bytes of pool, 12.5 s old, made by thread 4711
//         #0 sluice::v0::buffer_pool::allocate(unsigned long, unsigned long)
//         #1 parse_head(connection&)
//         #2 main
//         last touched 3.1 s ago by thread 4712: "queued for sending"
//         #0 enqueue(message&&)
//
// The ledger knows storages: heap memory and pool blocks from the buffer that first holds them,
// mappings and objects from the slice that first shows them. It records every one (exact, for
// tests), or one in some number (sampled, for production), or none: it starts like that. Mode may
// change at any time; what was made before is not known, and what was recorded stays until it goes.
//
// Cost: off, a load and a branch for each allocation, nothing for a copy or a release. A storage
// that is recorded costs about a microsecond and a few hundred bytes; names of functions are looked
// up by the report. To name the functions of a program itself, link it with -rdynamic; otherwise
// the report gives file and address, for addr2line(1).
//
// Threads: any, at any time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sluice/buffer_slice.h>

#pragma GCC visibility push(default)

namespace sluice::inline v0 {

enum class leak_mode : std::uint8_t { off, sampled, exact };

class leak_ledger {
  public:
    // Return addresses, innermost first.
    using call_stack = std::vector<const void*>;

    // The last buffer_slice::touch().
    struct touch {
        std::string where;
        int thread_id = 0;
        std::chrono::nanoseconds age{};
        call_stack stack;
    };
    // One storage that is held now. `thread_id` is what gettid(2) said.
    struct record {
        storage_kind kind{};
        std::size_t size = 0;  // of the whole storage; 0 when it does not know
        int thread_id = 0;
        std::chrono::nanoseconds age{};
        call_stack stack;
        std::optional<touch> last_touch;
    };

    // What is recorded from now on: everything, one storage of `one_in` in each thread, or nothing.
    static void record_all();
    static void record_one_in(std::uint32_t one_in);
    static void record_nothing() noexcept;
    [[nodiscard]] static leak_mode mode() noexcept;

    // What is recorded and held now, oldest first: as data, and as text for a person.
    [[nodiscard]] static std::vector<record> live();
    [[nodiscard]] static std::string report();
    // How many that are, and how many could not be recorded because there was no memory for it.
    [[nodiscard]] static std::size_t live_count() noexcept;
    [[nodiscard]] static std::uint64_t lost_count() noexcept;
    // Forgets all records, as between two tests. The storages live on, unknown.
    static void forget_all() noexcept;
};

// The name of the function at a return address, as the report gives it. Allocates.
[[nodiscard]] std::string describe_address(const void* address);

}  // namespace sluice::inline v0

#pragma GCC visibility pop
