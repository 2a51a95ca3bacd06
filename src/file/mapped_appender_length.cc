#include "file/mapped_appender_length.h"

#include <cerrno>
#include <string_view>

namespace sluice::inline v0 {

namespace {

constexpr std::uint64_t page_bytes = 4096;

std::optional<unsigned> digit(char of) {
    if (of >= '0' && of <= '9') return static_cast<unsigned>(of - '0');
    if (of >= 'a' && of <= 'f') return static_cast<unsigned>(of - 'a' + 10);
    return std::nullopt;
}

// CRC-32 (IEEE 802.3), bit by bit: sixteen bytes for each sync.
std::uint32_t add_to_crc(std::uint32_t crc, std::uint64_t value) noexcept {
    for (int bit = 0; bit < 64; ++bit, value >>= 1) {
        bool carry = ((crc ^ value) & 1) != 0;
        crc = crc >> 1 ^ (carry ? 0xedb88320U : 0);
    }
    return crc;
}

}  // namespace

boot_identity boot_of_machine() {
    boot_identity boot{};
    auto opened = file::open("/proc/sys/kernel/random/boot_id");
    if (!opened) return boot;
    auto text = opened->read_all(64);
    if (!text) return boot;
    std::size_t digits = 0;
    for (char each : text->text()) {
        auto value = digit(each);
        if (!value || digits == 2 * boot.size()) continue;
        auto& at = boot[digits++ / 2];
        at = at << 4 | std::byte(*value);
    }
    return digits == 2 * boot.size() ? boot : boot_identity{};
}

length_slot length_slot::of(std::uint64_t sequence, std::uint64_t length) noexcept {
    auto crc = ~add_to_crc(add_to_crc(~0U, sequence), length);
    return {.sequence = sequence, .length = length, .checksum = crc};
}

bool length_slot::is_whole() const noexcept {
    return sequence != 0 && checksum == of(sequence, length).checksum;
}

result<length_file> length_file::open(const std::string& path, unsigned permissions) {
    auto opened = file::open(path, {.access = file_access::read_write,
                                    .create = file_creation::if_missing,
                                    .permissions = permissions});
    if (!opened) return failure(std::move(opened));
    auto size = opened->size();
    if (!size) return failure(std::move(size));
    if (*size < page_bytes) {
        // Zeros that are written have their blocks, on every file system.
        const std::array<std::byte, page_bytes> zeros{};
        auto rest = bytes_view(zeros).subspan(static_cast<std::size_t>(*size));
        if (auto filled = opened->write_at(*size, rest); !filled) return failure(std::move(filled));
    }
    auto mapped =
        mapped_region::map(opened->region(0, page_bytes), {.mode = mapping_mode::read_write});
    if (!mapped) return failure(std::move(mapped));
    return length_file(*std::move(opened), *std::move(mapped));
}

length_page& length_file::page() const noexcept {
    return *reinterpret_cast<length_page*>(mapped_.writable().data());
}

const length_slot* length_file::newest() const noexcept {
    const auto& first = page().first;
    const auto& second = page().second;
    if (!first.is_whole()) return second.is_whole() ? &second : nullptr;
    if (!second.is_whole()) return &first;
    return first.sequence > second.sequence ? &first : &second;
}

length_file::finding length_file::look(const boot_identity& boot) const noexcept {
    const auto& found = page();
    finding seen;
    seen.unused = found.magic == 0;
    seen.known = found.magic == length_page::magic_now;
    seen.same_boot = found.boot == boot && boot != boot_identity{};
    seen.written = found.written.load(std::memory_order_acquire);
    if (const auto* slot = newest()) seen.synced = slot->length;
    return seen;
}

result<void> length_file::begin(std::uint64_t length, const boot_identity& boot) {
    auto& begun = page();
    // In this order, as the process may end between any two: until the boot is this one, the synced
    // length counts, and it is the same.
    begun.boot = {};
    if (auto synced = store_synced(length); !synced) return synced;
    begun.written.store(length, std::memory_order_release);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    begun.magic = length_page::magic_now;
    begun.boot = boot;
    return flush();
}

result<void> length_file::flush() {
    return mapped_.flush(0, page_bytes);
}

result<void> length_file::store_synced(std::uint64_t length) {
    const auto* last = newest();
    auto& next = last == &page().first ? page().second : page().first;
    next = length_slot::of(last == nullptr ? 1 : last->sequence + 1, length);
    return flush();
}

}  // namespace sluice::inline v0
