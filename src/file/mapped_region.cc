#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <utility>

#include <sys/mman.h>

#include <sluice/mapped_region.h>

#include "file/mapped_region_storage.h"
#include "sys/mapping.h"

namespace sluice::inline v0 {

namespace {

// off_t: the last position a file can have.
constexpr std::uint64_t position_max = std::numeric_limits<std::int64_t>::max();

std::unexpected<error> named(error failed, const file& source) {
    return std::unexpected(std::move(failed).on(source.name()));
}

// "access mapped NAME, byte 8192, which the file no longer has: No data available"
std::unexpected<error> lost(const file& source, const mapping_fault& fault) {
    auto cause =
        fault.reason == ENODATA ? ", which the file no longer has" : ", whose page cannot be had";
    return failure(fault.reason, "access mapped",
                   source.name() + ", byte " + std::to_string(fault.position) + cause);
}

// The file must hold the range, or is made to.
result<void> make_room(const file_region& range, const mapping_options& options) {
    if (range.position() > position_max || range.size() > position_max - range.position())
        return failure(EOVERFLOW, "mmap", range.source().name());
    if (options.extend && options.mode == mapping_mode::read_write) {
        return range.source().preallocate(range.position(), range.size());
    }
    auto file_size = range.source().size();
    if (!file_size) return failure(std::move(file_size));
    if (*file_size < range.end_position()) return failure(ENODATA, "mmap", range.source().name());
    return {};
}

}  // namespace

mapped_region::mapped_region(const mapped_region& other) noexcept
    : mapping_(other.mapping_), data_(other.data_), position_(other.position_), size_(other.size_) {
    if (mapping_ == nullptr) return;
    mapping_->lend();
    mapping_->retain();
}

mapped_region::mapped_region(mapped_region&& other) noexcept
    : mapping_(std::exchange(other.mapping_, nullptr)),
      data_(std::exchange(other.data_, nullptr)),
      position_(std::exchange(other.position_, 0)),
      size_(std::exchange(other.size_, 0)) {}

mapped_region& mapped_region::operator=(mapped_region other) noexcept {
    std::swap(mapping_, other.mapping_);
    std::swap(data_, other.data_);
    std::swap(position_, other.position_);
    std::swap(size_, other.size_);
    return *this;
}

mapped_region::~mapped_region() {
    if (mapping_ != nullptr) mapping_->drop();
}

result<mapped_region> mapped_region::map_unchecked(const file_region& range,
                                                   const mapping_options& options) {
    auto mapping = mapping_storage::map(range, options);
    if (!mapping) return named(std::move(mapping).error(), range.source());
    auto into_page = range.position() - (*mapping)->position();
    auto* data = range.size() == 0 ? nullptr : (*mapping)->data() + into_page;
    return mapped_region(*mapping, data, range);
}

result<mapped_region> mapped_region::map(const file_region& range, const mapping_options& options) {
    if (range.size() > 0) {
        if (auto room = make_room(range, options); !room) return failure(std::move(room));
    }
    return map_unchecked(range, options);
}

result<buffer_slice> map_for_reading(const file_region& region) {
    if (region.size() == 0) return buffer_slice();
    auto mapped = mapped_region::map_unchecked(region, {});
    if (!mapped) return failure(std::move(mapped));
    return mapped->whole();
}

mapping_mode mapped_region::mode() const noexcept {
    return mapping_ == nullptr ? mapping_mode::read_only : mapping_->options().mode;
}

file_region mapped_region::source() const noexcept {
    assert(mapping_ != nullptr);
    return mapping_->source().region(position_, size_);
}

writable_bytes mapped_region::writable() const noexcept {
    assert(mode() != mapping_mode::read_only || empty());
    return {data_, static_cast<std::size_t>(size_)};
}

buffer_slice mapped_region::slice(std::uint64_t from, std::uint64_t count) const noexcept {
    assert(from <= size_ && count <= size_ - from);
    if (mapping_ == nullptr) return {};
    mapping_->lend();
    mapping_->retain();
    return buffer_slice::adopt(range_of(from, count), mapping_);
}

bytes_view mapped_region::range_of(std::uint64_t from, std::uint64_t count) const noexcept {
    assert(from <= size_ && count <= size_ - from);
    return bytes().subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(count));
}

bytes_view mapped_region::pages_of(std::uint64_t from, std::uint64_t count) const noexcept {
    auto range = range_of(from, count);
    auto into_page = reinterpret_cast<std::uintptr_t>(range.data()) % sys::page_size();
    return {range.data() - into_page, range.size() + into_page};
}

result<std::size_t> mapped_region::read_at(std::uint64_t from, writable_bytes to) const {
    if (from >= size_) return 0;
    auto count = std::min<std::uint64_t>(to.size(), size_ - from);
    copy_bytes(to, range_of(from, count));
    if (auto checked = check(from, count); !checked) return failure(std::move(checked));
    return static_cast<std::size_t>(count);
}

result<void> mapped_region::write_at(std::uint64_t from, bytes_view bytes) const {
    if (from > size_ || bytes.size() > size_ - from) return refused(EINVAL, "write mapped");
    if (mode() == mapping_mode::read_only) return refused(EACCES, "write mapped");
    copy_bytes(writable().subspan(static_cast<std::size_t>(from)), bytes);
    return check(from, bytes.size());
}

result<void> mapped_region::check(std::uint64_t from, std::uint64_t count) const {
    assert(from <= size_ && count <= size_ - from);
    if (count == 0) return {};
    auto file_size = mapping_->source().size();
    if (!file_size) return failure(std::move(file_size));
    // After the size: what is lost later than that is not this access's loss.
    if (auto fault = fault_in(from, count)) return lost(mapping_->source(), *fault);
    if (*file_size < position_ + from + count) {
        auto first = std::max(*file_size, position_ + from);
        return lost(mapping_->source(), {.reason = ENODATA, .position = first});
    }
    return {};
}

std::optional<mapping_fault> mapped_region::fault_in(std::uint64_t from,
                                                     std::uint64_t count) const noexcept {
    assert(from <= size_ && count <= size_ - from);
    if (count == 0) return std::nullopt;
    // The bytes are read before this and the marks after it: the compiler may not turn that round.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    auto begin = static_cast<std::size_t>(data_ - mapping_->data() + from);
    return mapping_->watch().fault_in(begin, begin + static_cast<std::size_t>(count));
}

result<void> mapped_region::refresh() const {
    if (empty()) return {};
    if (auto refreshed = mapping_->refresh(); !refreshed)
        return named(std::move(refreshed).error(), mapping_->source());
    return {};
}

std::unexpected<error> mapped_region::refused(int reason, std::string_view operation) const {
    return failure(reason, operation, mapping_ == nullptr ? "" : mapping_->source().name());
}

result<void> mapped_region::on_pages(std::uint64_t from, std::uint64_t count,
                                     result<void> (*call)(bytes_view)) const {
    if (count == 0) return {};
    auto done = call(pages_of(from, count));
    if (!done) return named(std::move(done).error(), mapping_->source());
    return done;
}

result<void> mapped_region::flush(std::uint64_t from, std::uint64_t count, completion until) const {
    if (mode() == mapping_mode::copy_on_write) return refused(EINVAL, "msync");
    if (count == 0) return {};
    if (until == completion::start) {
        auto started = mapping_->source().sync_range(position_ + from, count, range_sync::start);
        if (!started) return started;
    } else if (auto synced = on_pages(from, count, sys::sync_pages); !synced) {
        return synced;
    }
    return check(from, count);
}

result<void> mapped_region::prefetch(std::uint64_t from, std::uint64_t count,
                                     completion until) const {
    constexpr auto begin = [](bytes_view pages) { return sys::advise(pages, MADV_WILLNEED); };
    constexpr auto await = [](bytes_view pages) { return sys::advise(pages, MADV_POPULATE_READ); };
    if (until == completion::wait) {
        auto read = on_pages(from, count, +await);
        if (!read && read.error().is(EFAULT)) {  // says nothing about what and where
            if (auto checked = check(from, count); !checked) return checked;
        }
        if (read || !read.error().is(EINVAL)) return read;
    }
    return on_pages(from, count, +begin);
}

result<void> mapped_region::populate_for_writing(std::uint64_t from, std::uint64_t count) const {
    if (mode() == mapping_mode::read_only) return refused(EACCES, "madvise");
    return on_pages(from, count,
                    [](bytes_view pages) { return sys::advise(pages, MADV_POPULATE_WRITE); });
}

result<std::uint64_t> mapped_region::resident(std::uint64_t from, std::uint64_t count) const {
    constexpr std::size_t pages_at_once = 16 * 1024;
    std::array<unsigned char, pages_at_once> present;
    auto page = sys::page_size();
    std::uint64_t found = 0;
    auto rest = range_of(from, count);
    while (!rest.empty()) {
        auto into_page = reinterpret_cast<std::uintptr_t>(rest.data()) % page;
        auto size = std::min(rest.size(), pages_at_once * page - into_page);
        auto asked = sys::find_resident({rest.data() - into_page, size + into_page}, present);
        if (!asked) return named(std::move(asked).error(), mapping_->source());
        for (std::size_t at = 0; at < size;) {
            auto step = std::min(size - at, page - (at + into_page) % page);
            if ((present[(at + into_page) / page] & 1) != 0) found += step;
            at += step;
        }
        rest = rest.subspan(size);
    }
    return found;
}

result<void> mapped_region::lock(std::uint64_t from, std::uint64_t count) const {
    return on_pages(from, count, sys::lock_pages);
}

result<void> mapped_region::unlock(std::uint64_t from, std::uint64_t count) const {
    return on_pages(from, count, sys::unlock_pages);
}

result<void> mapped_region::advise(mapping_advice advice, std::uint64_t from,
                                   std::uint64_t count) const {
    if (count == 0) return {};
    auto advised = sys::advise(pages_of(from, count), madvise_of(advice));
    if (!advised) return named(std::move(advised).error(), mapping_->source());
    return advised;
}

result<bool> mapped_region::huge_pages() const {
    auto advised =
        on_pages(0, size_, [](bytes_view pages) { return sys::advise(pages, MADV_HUGEPAGE); });
    if (advised) return true;
    if (advised.error().is(EINVAL)) return false;
    return failure(std::move(advised));
}

result<void> mapped_region::grow(std::uint64_t size) {
    if (size < size_ || mapping_ == nullptr) return refused(EINVAL, "mremap");
    if (size == size_) return {};
    file_region longer(mapping_->source(), position_, size);
    if (auto room = make_room(longer, mapping_->options()); !room) return room;
    auto into_pages = size_ == 0 ? 0 : static_cast<std::size_t>(data_ - mapping_->data());
    auto needed = into_pages + static_cast<std::size_t>(size);
    bool may_move = mode() == mapping_mode::copy_on_write && !mapping_->lent();
    auto grown = mapping_->grow_to(needed, may_move);
    if (size_ > 0) data_ = mapping_->data() + into_pages;  // also when it failed
    if (!grown) return named(std::move(grown).error(), mapping_->source());
    if (*grown) {
        size_ = size;
        return {};
    }
    if (mode() == mapping_mode::copy_on_write && size_ > 0) {
        auto fault = mapping_->watch().fault_in(0, mapping_->capacity());
        return fault ? lost(mapping_->source(), *fault) : refused(EBUSY, "mremap");
    }
    auto mapped = map_unchecked(longer, mapping_->options());
    if (!mapped) return failure(std::move(mapped));
    *this = *std::move(mapped);
    return {};
}

}  // namespace sluice::inline v0
