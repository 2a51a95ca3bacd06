#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <optional>
#include <utility>

#include <sluice/file_lock.h>
#include <sluice/file_region.h>
#include <sluice/mapped_appender.h>
#include <sluice/mapped_region.h>

#include "file/mapped_appender_length.h"
#include "sys/directory_entries.h"
#include "sys/mapping.h"

namespace sluice::inline v0 {

namespace {

constexpr const char* operation = "append mapped";

std::string side_name(const std::string& path) {
    return path + ".length";
}

std::string directory_of(const std::string& path) {
    auto parent = std::filesystem::path(path).parent_path().string();
    return parent.empty() ? "." : parent;
}

// The same error once more, for those who ask later.
std::unexpected<error> again(const error& first) {
    return std::unexpected(error(first));
}

bool disk_is_full(const error& failed) {
    return failed.is(ENOSPC) || failed.is(EDQUOT) || failed.is(EFBIG);
}

// Gives [position, position + size) blocks by writing zeros behind the end, for file systems
// without fallocate(2).
result<void> fill_with_zeros(const file& data, std::uint64_t end) {
    static constexpr std::array<std::byte, 64 * 1024> zeros{};
    auto at = data.size();
    if (!at) return failure(std::move(at));
    while (*at < end) {
        auto count = std::min<std::uint64_t>(zeros.size(), end - *at);
        if (auto written = data.write_at(*at, bytes_view(zeros).first(count)); !written)
            return written;
        *at += count;
    }
    return {};
}

struct opening {
    std::uint64_t length = 0;
    mapped_appender::ending found = mapped_appender::ending::closed;
};

// How much of a file of `size` bytes counts.
result<opening> decide(const length_file::finding& seen, std::uint64_t size,
                       const std::string& path) {
    opening decided{.length = size};
    if (seen.known && seen.same_boot) {
        decided = {seen.written, mapped_appender::ending::process_ended};
    } else if (seen.known && seen.synced) {
        decided = {*seen.synced, mapped_appender::ending::machine_ended};
    } else if (!seen.unused || seen.synced.value_or(size) != size) {
        // Nothing is appended before the page is on the disk with its magic. A page without one
        // that names another length than the file's size has lost it, or others have written.
        return failure(EBADMSG, "read length", side_name(path));
    }
    if (size < decided.length) return failure(ENODATA, "read length", side_name(path));
    return decided;
}

}  // namespace

class mapped_appender::state {
  public:
    state(std::string path, const mapped_appender_options& options, file data, file directory,
          file_lock lock, length_file side)
        : path_(std::move(path)),
          options_(options),
          data_(std::move(data)),
          directory_(std::move(directory)),
          lock_(std::move(lock)),
          side_(std::move(side)),
          next_size_(options.window_size) {}

    [[nodiscard]] result<void> recover();
    // The window that begins at or in front of `length` and has room for `needed` bytes behind it.
    [[nodiscard]] result<writable_bytes> next_window(std::uint64_t length, std::uint64_t needed);
    [[nodiscard]] result<buffer_slice> slice(std::uint64_t position, std::uint64_t count) const;
    [[nodiscard]] result<void> sync();
    [[nodiscard]] result<void> close();

    [[nodiscard]] std::atomic<std::uint64_t>& written() noexcept { return side_.written(); }
    [[nodiscard]] std::uint64_t synced() const noexcept { return synced_.load(); }
    [[nodiscard]] mapped_appender::ending found() const noexcept { return found_; }
    [[nodiscard]] const file& data() const noexcept { return data_; }
    [[nodiscard]] bool closed() const noexcept { return closed_; }

  private:
    [[nodiscard]] result<mapped_region> map(std::uint64_t start, std::uint64_t size) const;
    [[nodiscard]] result<void> check_window(std::uint64_t length);
    [[nodiscard]] result<void> fail(error failed);
    [[nodiscard]] result<void> finish();

    std::string path_;
    mapped_appender_options options_;
    file data_;
    file directory_;
    file_lock lock_;
    length_file side_;
    std::uint64_t next_size_;
    mapped_appender::ending found_ = mapped_appender::ending::closed;
    std::atomic<bool> closed_{false};

    mutable std::mutex mutex_;  // for the next three: the window changes under readers and syncs
    mapped_region window_;
    std::uint64_t window_position_ = 0;
    std::optional<error> failed_;  // what every later check of the stores gives

    std::mutex sync_mutex_;  // one sync at a time
    std::atomic<std::uint64_t> synced_{0};
};

result<void> mapped_appender::state::recover() {
    auto boot = boot_of_machine();
    auto seen = side_.look(boot);
    auto size = data_.size();
    if (!size) return failure(std::move(size));
    auto decided = decide(seen, *size, path_);
    if (!decided) return failure(std::move(decided));
    found_ = decided->found;
    if (*size > decided->length) {
        if (auto cut = data_.truncate(decided->length); !cut) return cut;
    }
    synced_ = seen.synced.value_or(0);
    if (found_ == ending::process_ended) {
        // That process may have ended while it opened: with a page, or its name, not on the disk.
        if (auto safe = side_.flush(); !safe) return safe;
        return directory_.sync();
    }
    // From here on the file will be longer than what counts, so how much counts must be safe first.
    if (auto synced = data_.sync(); !synced) return synced;
    if (auto begun = side_.begin(decided->length, boot); !begun) return begun;
    synced_ = decided->length;
    return directory_.sync();
}

result<mapped_region> mapped_appender::state::map(std::uint64_t start, std::uint64_t size) const {
    mapping_options options{
        .mode = mapping_mode::read_write, .extend = true, .populate = options_.populate};
    auto mapped = mapped_region::map(data_.region(start, size), options);
    if (mapped || !mapped.error().is(EOPNOTSUPP)) return mapped;
    if (auto filled = fill_with_zeros(data_, start + size); !filled)
        return failure(std::move(filled));
    options.extend = false;
    return mapped_region::map(data_.region(start, size), options);
}

result<writable_bytes> mapped_appender::state::next_window(std::uint64_t length,
                                                           std::uint64_t needed) {
    if (auto checked = check_window(length); !checked) return failure(std::move(checked));
    auto page = sys::page_size();
    auto start = length - length % page;
    if (needed > std::uint64_t{1} << 62) return failure(EFBIG, operation, path_);
    auto least = (length - start + needed + page - 1) / page * page;
    auto size = std::max(next_size_ / page * page, least);
    auto mapped = map(start, size);
    while (!mapped && disk_is_full(mapped.error()) && size > least) {
        size = std::max(size / 2 / page * page, least);  // less ahead, as long as it is enough
        mapped = map(start, size);
    }
    std::scoped_lock lock(mutex_);
    if (!mapped) {
        // What a failed attempt may have taken beyond what was there before.
        auto before = window_.empty() ? length : window_position_ + window_.size();
        (void)data_.truncate(before);
        return failure(std::move(mapped));
    }
    window_ = *std::move(mapped);
    window_position_ = start;
    next_size_ = std::min(2 * next_size_, std::max(options_.window_size, options_.window_size_max));
    return window_.writable().subspan(static_cast<std::size_t>(length - start));
}

result<buffer_slice> mapped_appender::state::slice(std::uint64_t position,
                                                   std::uint64_t count) const {
    {
        std::scoped_lock lock(mutex_);
        if (position >= window_position_ && position - window_position_ <= window_.size() &&
            count <= window_.size() - (position - window_position_))
            return window_.slice(position - window_position_, count);
    }
    auto mapped = mapped_region::map(data_.region(position, count));
    if (!mapped) return failure(std::move(mapped));
    return mapped->whole();
}

result<void> mapped_appender::state::fail(error failed) {
    std::scoped_lock lock(mutex_);
    if (!failed_) failed_ = std::move(failed);
    return again(*failed_);
}

// The stores into the window, up to `length`: once one is lost, it stays lost.
result<void> mapped_appender::state::check_window(std::uint64_t length) {
    mapped_region window;
    std::uint64_t position = 0;
    {
        std::scoped_lock lock(mutex_);
        if (failed_) return again(*failed_);
        window = window_;
        position = window_position_;
    }
    if (length <= position) return {};
    auto checked = window.check(0, std::min(length - position, window.size()));
    return checked ? checked : fail(std::move(checked).error());
}

result<void> mapped_appender::state::sync() {
    std::scoped_lock lock(sync_mutex_);
    auto length = written().load(std::memory_order_acquire);
    if (auto checked = check_window(length); !checked) return checked;
    if (closed_) return {};
    auto synced = data_.sync(sync_scope::data);
    if (!synced) return fail(std::move(synced).error());
    // Again, behind the sync: what is lost by now may not be on the disk.
    if (auto checked = check_window(length); !checked) return checked;
    if (length == synced_) return {};
    auto stored = side_.store_synced(length);
    if (!stored) return fail(std::move(stored).error());
    synced_ = length;
    return {};
}

result<void> mapped_appender::state::close() {
    auto finished = finish();
    closed_ = true;
    lock_.release();
    return finished;
}

result<void> mapped_appender::state::finish() {
    if (auto synced = sync(); !synced) return synced;
    {
        std::scoped_lock lock(mutex_);
        window_ = {};
        window_position_ = 0;
    }
    if (auto cut = data_.truncate(written().load()); !cut) return cut;
    if (auto synced = data_.sync(); !synced) return synced;
    auto name = std::filesystem::path(side_name(path_)).filename().string();
    if (auto removed = sys::unlink_in(directory_.fd(), name); !removed)
        return std::unexpected(std::move(removed).error().on(side_name(path_)));
    return directory_.sync();
}

mapped_appender::mapped_appender(std::unique_ptr<state> opened) noexcept
    : written_(&opened->written()), state_(std::move(opened)) {}

mapped_appender::mapped_appender(mapped_appender&& other) noexcept
    : next_(std::exchange(other.next_, nullptr)),
      window_end_(std::exchange(other.window_end_, nullptr)),
      written_(std::exchange(other.written_, nullptr)),
      state_(std::move(other.state_)) {}

mapped_appender& mapped_appender::operator=(mapped_appender&& other) noexcept {
    std::swap(next_, other.next_);
    std::swap(window_end_, other.window_end_);
    std::swap(written_, other.written_);
    std::swap(state_, other.state_);
    return *this;
}

mapped_appender::~mapped_appender() = default;

result<mapped_appender> mapped_appender::open(const std::string& path,
                                              const mapped_appender_options& options) {
    auto data = file::open(path, {.access = file_access::read_write,
                                  .create = file_creation::if_missing,
                                  .permissions = options.permissions});
    if (!data) return failure(std::move(data));
    // The lock first: the file beside it comes and goes, and only the owner of the lock may look.
    auto lock = file_lock::try_acquire(*data, lock_kind::exclusive);
    if (!lock) return failure(std::move(lock));
    if (!*lock) return failure(EBUSY, "open for appending", path);
    auto directory = file::open_directory(directory_of(path));
    if (!directory) return failure(std::move(directory));
    auto side = length_file::open(side_name(path), options.permissions);
    if (!side) return failure(std::move(side));
    auto opened = std::make_unique<state>(path, options, *std::move(data), *std::move(directory),
                                          **std::move(lock), *std::move(side));
    if (auto recovered = opened->recover(); !recovered) return failure(std::move(recovered));
    return mapped_appender(std::move(opened));
}

result<void> mapped_appender::map_next_window(std::uint64_t needed) {
    if (state_->closed()) return failure(EBADF, operation, state_->data().name());
    auto window = state_->next_window(length(), needed);
    if (!window) return failure(std::move(window));
    next_ = window->data();
    window_end_ = next_ + window->size();
    return {};
}

result<std::uint64_t> mapped_appender::append_slowly(bytes_view bytes) {
    if (bytes.empty() && !state_->closed()) return length();
    if (auto mapped = map_next_window(bytes.size()); !mapped) return failure(std::move(mapped));
    return store(bytes);
}

result<void> mapped_appender::reserve(std::uint64_t count) {
    if (count <= static_cast<std::size_t>(window_end_ - next_)) return {};
    return map_next_window(count);
}

result<buffer_slice> mapped_appender::slice(std::uint64_t position, std::uint64_t count) const {
    auto end = length();
    if (position > end || count > end - position)
        return failure(ENODATA, "read mapped", state_->data().name());
    return state_->slice(position, count);
}

result<void> mapped_appender::sync() {
    return state_->sync();
}

std::uint64_t mapped_appender::synced_length() const noexcept {
    return state_->synced();
}

result<void> mapped_appender::close() {
    if (state_->closed()) return {};
    next_ = window_end_ = nullptr;
    return state_->close();
}

mapped_appender::ending mapped_appender::found() const noexcept {
    return state_->found();
}

const file& mapped_appender::target() const noexcept {
    return state_->data();
}

}  // namespace sluice::inline v0
