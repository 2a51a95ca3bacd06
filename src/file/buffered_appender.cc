#include <algorithm>
#include <cassert>
#include <utility>
#include <vector>

#include <sluice/buffered_appender.h>

#include "sys/io.h"

namespace sluice::inline v0 {

namespace {

// Of the page cache; a write that ends elsewhere makes the next one begin in a page that is there.
constexpr std::size_t page_size = 4096;

std::size_t in_pages(std::size_t size) {
    return (std::max(size, 2 * page_size) + page_size - 1) / page_size * page_size;
}

std::size_t total_size(std::span<const bytes_view> parts) {
    std::size_t total = 0;
    for (auto part : parts)
        total += part.size();
    return total;
}

}  // namespace

void buffered_appender::free_pages::operator()(std::byte* memory) const noexcept {
    ::operator delete(memory, std::align_val_t(page_size));
}

result<buffered_appender> buffered_appender::open(file target, const appender_options& options) {
    // Refused here and not at the first flush, when it is too late to tell whoever appended.
    // Position 1 is aligned for no file that is opened direct.
    if (auto possible = target.write_at(1, bytes_view()); !possible)
        return failure(std::move(possible));
    // Writes nothing, and fails where nothing may be written.
    if (auto possible = sys::pwrite(target.fd(), {}, 0); !possible)
        return std::unexpected(std::move(possible).error().on(target.name()));
    auto position = options.position ? *options.position : target.size();
    if (!position) return failure(std::move(position));
    auto size = in_pages(options.buffer_size);
    pages memory(
        static_cast<std::byte*>(::operator new(size, std::align_val_t(page_size), std::nothrow)));
    if (!memory) return failure(ENOMEM, "allocate", target.name());
    return buffered_appender(std::move(target), std::move(memory), size, *position);
}

buffered_appender::buffered_appender(file target, pages memory, std::size_t size,
                                     std::uint64_t position) noexcept
    : target_(std::move(target)), memory_(std::move(memory)), size_(size), written_end_(position) {
    note_written(0);
}

buffered_appender::buffered_appender(buffered_appender&& other) noexcept
    : target_(std::exchange(other.target_, std::nullopt)),
      memory_(std::move(other.memory_)),
      size_(other.size_),
      begin_(std::exchange(other.begin_, 0)),
      filled_(std::exchange(other.filled_, 0)),
      limit_(std::exchange(other.limit_, 0)),
      written_end_(other.written_end_) {}

buffered_appender& buffered_appender::operator=(buffered_appender&& other) noexcept {
    if (this == &other) return *this;
    if (target_) (void)flush();
    target_ = std::exchange(other.target_, std::nullopt);
    memory_ = std::move(other.memory_);
    size_ = other.size_;
    begin_ = std::exchange(other.begin_, 0);
    filled_ = std::exchange(other.filled_, 0);
    limit_ = std::exchange(other.limit_, 0);
    written_end_ = other.written_end_;
    return *this;
}

buffered_appender::~buffered_appender() {
    if (target_) (void)flush();
}

result<void> buffered_appender::append(std::span<const bytes_view> parts) {
    if (total_size(parts) > room()) return append_through(parts);
    for (auto part : parts)
        take(part);
    return {};
}

// Called when the parts do not fit into the buffer.
result<void> buffered_appender::append_through(std::span<const bytes_view> parts) {
    assert(target_ && "appended to after close()");
    if (total_size(parts) >= size_ / 2) return write_gathered(parts);
    std::uint64_t taken = 0;
    for (auto part : parts) {
        auto done = append_small(part);
        if (!done) {
            taken += done.error().bytes_done();
            return std::unexpected(std::move(done).error().after(taken));
        }
        taken += part.size();
    }
    return {};
}

// Fills the buffer up to its limit, writes it, and begins the next.
result<void> buffered_appender::append_small(bytes_view bytes) {
    auto front = bytes.first(std::min(bytes.size(), room()));
    take(front);
    if (front.size() == bytes.size()) return {};
    if (auto done = flush(); !done)
        return std::unexpected(std::move(done).error().after(front.size()));
    take(bytes.subspan(front.size()));
    return {};
}

result<void> buffered_appender::write_gathered(std::span<const bytes_view> parts) {
    auto waiting = buffered();
    std::vector<bytes_view> all{{memory_.get() + begin_, waiting}};
    all.insert(all.end(), parts.begin(), parts.end());
    auto done = target_->write_at(written_end_, all);
    auto count = done ? waiting + total_size(parts) : done.error().bytes_done();
    note_written(count);
    if (done) return done;
    return std::unexpected(std::move(done).error().after(count > waiting ? count - waiting : 0));
}

result<void> buffered_appender::flush() {
    if (buffered() == 0) return {};
    auto done = target_->write_at(written_end_, bytes_view(memory_.get() + begin_, buffered()));
    note_written(done ? buffered() : done.error().bytes_done());
    return done;
}

void buffered_appender::note_written(std::uint64_t count) noexcept {
    written_end_ += count;
    begin_ += static_cast<std::size_t>(std::min<std::uint64_t>(count, buffered()));
    if (begin_ < filled_) return;
    begin_ = filled_ = 0;
    limit_ = size_ - written_end_ % page_size;
}

result<void> buffered_appender::sync(sync_scope scope) {
    if (auto done = flush(); !done) return done;
    return target_->sync(scope);
}

result<void> buffered_appender::close() {
    if (auto done = flush(); !done) return done;
    target_.reset();
    memory_.reset();
    limit_ = 0;
    return {};
}

}  // namespace sluice::inline v0
