// mapped_appender_length.h: the file beside an appended one, which says how much of it counts.
//
// One page, mapped shared, in the machine's byte order:
//
//      0      magic, with the version; 0 as long as no appender has come to appending
//      8      boot, 16 bytes: the boot of the machine in which `written` was stored
//      64     written: the length with the last append; on a cache line of its own
//      1024   slot 0   { sequence, synced length, CRC-32 of both }
//      2048   slot 1
//
// A sync stores into the slot with the lower sequence, so that the other one is whole whatever
// happens. The slots are sectors apart: a disk that writes one half tears one of them at most.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <sluice/file.h>
#include <sluice/mapped_region.h>
#include <sluice/result.h>

namespace sluice::inline v0 {

// Names one run of the machine (/proc/sys/kernel/random/boot_id). All zeros when it cannot be read:
// equal to none, not even to itself.
using boot_identity = std::array<std::byte, 16>;
[[nodiscard]] boot_identity boot_of_machine();

struct length_slot {
    std::uint64_t sequence = 0;
    std::uint64_t length = 0;
    std::uint32_t checksum = 0;

    [[nodiscard]] static length_slot of(std::uint64_t sequence, std::uint64_t length) noexcept;
    [[nodiscard]] bool is_whole() const noexcept;
};

struct length_page {
    static constexpr std::uint64_t magic_now = 0x31304e454c554c53;  // "SLULEN01"

    std::uint64_t magic = 0;
    boot_identity boot{};
    alignas(64) std::atomic<std::uint64_t> written{0};
    alignas(1024) length_slot first;
    alignas(1024) length_slot second;
};
static_assert(offsetof(length_page, written) == 64 && offsetof(length_page, second) == 2048);
static_assert(sizeof(length_page) <= 4096);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

class length_file {
  public:
    // What the page says before anything is changed.
    struct finding {
        bool unused = false;  // no appender has come to appending with it
        bool known = false;   // written in this format
        bool same_boot = false;
        std::uint64_t written = 0;
        std::optional<std::uint64_t> synced;  // none: no slot is whole
    };

    // Opens or makes the file and maps it.
    [[nodiscard]] static result<length_file> open(const std::string& path, unsigned permissions);
    [[nodiscard]] finding look(const boot_identity& boot) const noexcept;
    // Says that `length` bytes count, written and synced, from this boot on, and waits for the
    // disk. They must be there already.
    [[nodiscard]] result<void> begin(std::uint64_t length, const boot_identity& boot);
    // Waits until the page is on the disk as it is.
    [[nodiscard]] result<void> flush();
    // Says that `length` bytes are synced, and waits for the disk.
    [[nodiscard]] result<void> store_synced(std::uint64_t length);

    [[nodiscard]] std::atomic<std::uint64_t>& written() noexcept { return page().written; }
    [[nodiscard]] const file& source() const noexcept { return source_; }

  private:
    length_file(file source, mapped_region mapped) noexcept
        : source_(std::move(source)), mapped_(std::move(mapped)) {}
    [[nodiscard]] length_page& page() const noexcept;
    [[nodiscard]] const length_slot* newest() const noexcept;

    file source_;
    mapped_region mapped_;
};

}  // namespace sluice::inline v0
