#include <atomic>
#include <cassert>
#include <charconv>
#include <iterator>
#include <utility>

#include <fcntl.h>

#include <sluice/atomic_file.h>

#include "sys/clock.h"
#include "sys/descriptors.h"
#include "sys/directory_entries.h"
#include "sys/files.h"

namespace sluice::inline v0 {

namespace {

// Not random, only unlikely to be taken: opening and linking under it fail when it is, and then
// another is tried.
std::string name_beside(const std::string& name) {
    static std::atomic<std::uint64_t> count{0};
    constexpr std::size_t kept_max = 200;  // of the 255 that a name may have
    auto mark = (static_cast<std::uint64_t>(sys::realtime_ns()) ^
                 (static_cast<std::uint64_t>(sys::process_id()) << 40)) +
                count.fetch_add(1, std::memory_order_relaxed);
    char digits[16];
    auto end = std::to_chars(std::begin(digits), std::end(digits), mark, 16).ptr;
    return "." + name.substr(0, kept_max) + "." + std::string(digits, end) + ".new";
}

// Calls `attempt(name)` with new names beside `name` until one is not taken. What it gives, and the
// name in `used`.
template <typename Attempt>
auto under_new_name(const std::string& name, std::string& used, Attempt attempt) {
    constexpr int attempts_max = 100;
    for (int made = 1;; ++made) {
        auto candidate = name_beside(name);
        auto outcome = attempt(candidate);
        if (outcome) used = std::move(candidate);
        if (outcome || !outcome.error().is(EEXIST) || made == attempts_max) return outcome;
    }
}

bool is_no_name(const std::string& name) {
    return name.empty() || name == "." || name == ".." || name.find('/') != name.npos;
}

// Whether the file system or the kernel has no O_TMPFILE: an old kernel takes it for O_DIRECTORY.
bool means_no_nameless_files(const error& reason) {
    return reason.is(EOPNOTSUPP) || reason.is(EISDIR) || reason.is(EINVAL);
}

}  // namespace

result<atomic_file> atomic_file::create(const std::string& path,
                                        const atomic_file_options& options) {
    auto slash = path.rfind('/');
    bool bare = slash == path.npos;
    auto directory = file::open_directory(bare ? "." : path.substr(0, slash + 1));
    if (!directory) return failure(std::move(directory));
    return begin(*std::move(directory), bare ? path : path.substr(slash + 1), path, options);
}

result<atomic_file> atomic_file::create_in(const file& directory, const std::string& name,
                                           const atomic_file_options& options) {
    return begin(directory, name, name, options);
}

result<atomic_file> atomic_file::begin(file directory, std::string name, const std::string& called,
                                       const atomic_file_options& options) {
    if (is_no_name(name)) return failure(EINVAL, "create", called);
    atomic_file made(std::move(directory), std::move(name), options);
    auto ready = made.open_content(called);
    if (ready) ready = made.take_after_target();
    if (!ready) return std::unexpected(std::move(ready).error().on(called));
    return made;
}

atomic_file::atomic_file(atomic_file&& other) noexcept
    : directory_(std::move(other.directory_)),
      name_(std::move(other.name_)),
      options_(other.options_),
      content_(std::exchange(other.content_, std::nullopt)),
      temporary_name_(std::exchange(other.temporary_name_, {})),
      sync_failed_(other.sync_failed_),
      committed_(other.committed_) {}

atomic_file& atomic_file::operator=(atomic_file&& other) noexcept {
    if (this == &other) return *this;
    discard();
    directory_ = std::move(other.directory_);
    name_ = std::move(other.name_);
    options_ = other.options_;
    content_ = std::exchange(other.content_, std::nullopt);
    temporary_name_ = std::exchange(other.temporary_name_, {});
    sync_failed_ = other.sync_failed_;
    committed_ = other.committed_;
    return *this;
}

atomic_file::~atomic_file() {
    discard();
}

void atomic_file::discard() noexcept {
    if (committed_) return;
    if (!temporary_name_.empty()) (void)sys::unlink_in(directory_->fd(), temporary_name_);
    temporary_name_.clear();
    content_.reset();
}

result<std::optional<struct stat>> atomic_file::replaced() const {
    if (options_.must_not_exist || !options_.keep_owner_and_permissions)
        return std::optional<struct stat>();
    auto found = sys::status_at(directory_->fd(), name_, false);
    if (found && S_ISREG(found->st_mode)) return std::optional(*found);
    if (found || found.error().is(ENOENT)) return std::optional<struct stat>();
    return failure(std::move(found));
}

result<void> atomic_file::open_content(const std::string& called) {
    auto old = replaced();
    if (!old) return failure(std::move(old));
    // Nobody reads the new content who might not read the old one.
    unsigned mode = *old ? 0600 : options_.permissions;
    auto fd = sys::create_nameless(directory_->fd(), mode);
    if (!fd && means_no_nameless_files(fd.error()))
        fd = under_new_name(name_, temporary_name_, [&](const std::string& name) {
            return sys::create_named(directory_->fd(), name, mode);
        });
    if (!fd) return failure(std::move(fd));
    content_.emplace(*std::move(fd), called);
    return {};
}

result<void> atomic_file::take_after_target() const {
    auto old = replaced();
    if (!old) return failure(std::move(old));
    return *old ? sys::take_after(content_->fd(), **old) : result<void>();
}

result<void> atomic_file::commit() {
    assert(content_ && !committed_);
    // Again, since writing took setuid bits away, and the old file may have changed meanwhile.
    auto done = take_after_target();
    if (done) done = sync_content();
    if (done) done = take_name();
    if (!done) return std::unexpected(std::move(done).error().on(content_->name()));
    committed_ = true;
    return options_.until == durability::everything ? directory_->sync() : result<void>();
}

result<void> atomic_file::sync_content() {
    if (options_.until == durability::none) return {};
    // The kernel reports a page that it could not write only once.
    if (sync_failed_) return failure(EIO, "commit");
    auto done = content_->sync();
    sync_failed_ = !done;
    return done;
}

result<void> atomic_file::take_name() {
    if (!temporary_name_.empty()) return rename_to_target();
    auto link_as = [&](const std::string& name) {
        return sys::link_file(content_->fd(), directory_->fd(), name);
    };
    auto linked = link_as(name_);
    if (linked || options_.must_not_exist || !linked.error().is(EEXIST)) return linked;
    // Linking replaces nothing, renaming does.
    linked = under_new_name(name_, temporary_name_, link_as);
    return linked ? rename_to_target() : std::move(linked);
}

result<void> atomic_file::rename_to_target() {
    auto directory = directory_->fd();
    auto taken = options_.must_not_exist ? sys::if_taken::fail : sys::if_taken::replace;
    auto renamed = sys::rename_in(directory, temporary_name_, name_, taken);
    if (!renamed && options_.must_not_exist && renamed.error().is(EINVAL)) {
        // No RENAME_NOREPLACE here. Linking replaces nothing either.
        renamed = sys::link_in(directory, temporary_name_, name_);
        if (renamed) (void)sys::unlink_in(directory, temporary_name_);
    }
    if (renamed) temporary_name_.clear();
    return renamed;
}

}  // namespace sluice::inline v0
