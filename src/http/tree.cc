#include "http/tree.h"

#include <cerrno>

#include <fcntl.h>

#include "sys/files.h"

namespace sluice::http {

namespace {

// openat2 gives EAGAIN when a name is moved while it is resolved; the kernel asks callers to try
// again.
constexpr int resolve_attempts = 16;

std::int64_t nanoseconds(const timespec& time) noexcept {
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

file_identity file_identity::of(const struct stat& status) noexcept {
    return {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino),
            static_cast<std::uint64_t>(status.st_size), nanoseconds(status.st_mtim),
            nanoseconds(status.st_ctim)};
}

tree::tree(const site& from, lookup how) noexcept : site_(from), how_(how) {}

std::string tree::below_root(std::string_view path) {
    while (path.starts_with('/'))
        path.remove_prefix(1);
    while (path.ends_with('/'))
        path.remove_suffix(1);
    return path.empty() ? std::string(".") : std::string(path);
}

result<unique_fd> tree::open(const std::string& name, int flags) const {
    sys::resolve_options resolve{.beneath = !site_.config().follow_links,
                                 .cached_only = how_ == lookup::cached_only};
    for (int attempt = 1;; ++attempt) {
        auto opened = sys::open_at(site_.root(), name, flags, resolve);
        bool again = !opened && opened.error().is(EAGAIN) && !resolve.cached_only;
        if (!again || attempt == resolve_attempts) return opened;
    }
}

result<struct stat> tree::look_at(const std::string& name) const {
    auto place = open(name, O_PATH);
    if (!place) return failure(std::move(place));
    return sys::status(place->get());
}

result<listing_page> tree::list(const std::string& path, std::size_t entries_max) const {
    auto name = below_root(path);
    auto directory = open(name, O_RDONLY | O_DIRECTORY);
    if (!directory) return failure(std::move(directory));
    auto names = sys::names_in(directory->get(), entries_max);
    if (!names) return std::unexpected(std::move(names).error().on(name));
    listing_page page{.path = path, .truncated = !names->complete};
    for (auto& entry : names->names) {
        if (entry.starts_with('.') && !site_.config().dotfiles) continue;
        auto status =
            look_at(name + "/" + entry);  // a link out of the root fails here and is not shown
        if (!status) continue;
        bool is_directory = S_ISDIR(status->st_mode);
        if (!is_directory && !S_ISREG(status->st_mode)) continue;
        page.entries.push_back({std::move(entry), is_directory,
                                static_cast<std::uint64_t>(status->st_size),
                                status->st_mtim.tv_sec});
    }
    return page;
}

}  // namespace sluice::http
